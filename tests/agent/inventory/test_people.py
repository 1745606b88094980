"""What people installed for themselves, while they are logged in and after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.inventory.raw import Names, Raw, Registry, Script
from agent.inventory.round import Plan, run
from agent.inventory.store import Store
from agent.inventory.windows import SECTIONS
from agent.inventory.windows.registry import RegistryReader
from agent.wire.event import Record
from tests.agent.inventory.registry import FakeRegistry

JAN, OLA = "S-1-5-21-1-2-3-1001", "S-1-5-21-1-2-3-1002"
PLAN = Plan([section for section in SECTIONS if section.name in {"software", "autorun"}], [])


def hive(**programs: str) -> dict[str, Any]:
    """Return a person's part of the registry with programs and their versions."""
    installed = {name: {"DisplayName": name, "DisplayVersion": version} for name, version in programs.items()}
    keys = {"Uninstall": installed, "Run": {name: f"{name}.exe" for name in programs}} if programs else {}
    return {"SOFTWARE": {"Microsoft": {"Windows": {"CurrentVersion": keys}}}}


def profiles(*sids: str) -> dict[str, Any]:
    return {"SOFTWARE": {"Microsoft": {"Windows NT": {"CurrentVersion": {"ProfileList": {sid: {} for sid in sids}}}}}}


class Rounds:
    """Rounds on one host, and the box's table of what they told."""

    def __init__(self, path: Path) -> None:
        self.store, self.table, self._seen = Store(path / "inventory.db"), dict[str, Record](), 0
        self.told: list[Record] = []

    def look(
        self, machine: dict[str, Any], users: dict[str, Any], *, whole: bool = False, fails: bool = False
    ) -> set[str]:
        reader = RegistryReader(FakeRegistry({"HKLM": machine, "HKU": users}))
        host = {
            Registry: lambda source: Raw(None, "failed") if fails and source.path.startswith("HKU") else reader(source),
            Script: lambda _source: Raw([]),
            Names: lambda _source: Raw(None, "absent"),
        }
        self.told = [*run(PLAN, host, self.store, 1e6 * (self._seen + 1), seen=self._seen, whole=whole)]
        self._seen = int(str(self.told[-1]["inventory.round"]))
        for record in self.told:
            if record.get("event.action") == "inventory_item":
                self.table[f"{record['inventory.section']}/{record['inventory.key']}"] = record
                if record["inventory.state"] == "gone":
                    del self.table[f"{record['inventory.section']}/{record['inventory.key']}"]
        return set(self.table)


@pytest.fixture
def rounds(tmp_path: Path) -> Rounds:
    return Rounds(tmp_path)


BOTH = {
    f"{section}/{sid}:{name}" for section in ("software", "autorun") for sid, name in ((JAN, "zoom"), (OLA, "teams"))
}
OF_OLA = {key for key in BOTH if OLA in key}


def keys(found: set[str]) -> set[str]:
    """Return keys with names in small letters, as one of the sections has them."""
    return {f"{key.rpartition(':')[0]}:{key.rpartition(':')[2].lower()}" for key in found}


def test_what_a_person_has_stays_after_they_logged_off_and_is_looked_at_when_they_are_back(rounds: Rounds) -> None:
    machine, people = profiles(JAN, OLA), {JAN: hive(Zoom="1.0"), OLA: hive(Teams="2.0"), ".DEFAULT": hive()}
    assert keys(rounds.look(machine, people)) == BOTH
    assert keys(rounds.look(machine, {OLA: hive(Teams="2.0")})) == BOTH
    assert not [one for one in rounds.told if one.get("event.action") == "inventory_item"]
    assert keys(rounds.look(machine, {})) == BOTH
    assert keys(rounds.look(machine, {JAN: hive(), OLA: hive(Teams="2.1")})) == OF_OLA
    assert rounds.table[f"software/{OLA}:Teams"]["package.version"] == "2.1"


def test_what_stays_is_part_of_all_that_is_sent_anew(rounds: Rounds) -> None:
    machine = profiles(JAN, OLA)
    rounds.look(machine, {JAN: hive(Zoom="1.0"), OLA: hive(Teams="2.0")})
    rounds.table.clear()
    assert keys(rounds.look(machine, {}, whole=True)) == BOTH
    (state,) = (one for one in rounds.told if one.get("inventory.count") and one["inventory.section"] == "software")
    assert state["inventory.count"] == 2


def test_a_profile_that_was_deleted_takes_its_programs_along(rounds: Rounds) -> None:
    rounds.look(profiles(JAN, OLA), {JAN: hive(Zoom="1.0"), OLA: hive(Teams="2.0")})
    assert keys(rounds.look(profiles(OLA), {})) == OF_OLA


def test_without_the_list_of_profiles_everybody_stays(rounds: Rounds) -> None:
    rounds.look(profiles(JAN, OLA), {JAN: hive(Zoom="1.0"), OLA: hive(Teams="2.0")})
    assert keys(rounds.look({}, {})) == BOTH


def test_a_registry_that_cannot_be_read_changes_nothing(rounds: Rounds) -> None:
    rounds.look(profiles(JAN, OLA), {JAN: hive(Zoom="1.0"), OLA: hive(Teams="2.0")})
    assert keys(rounds.look(profiles(JAN, OLA), {}, fails=True)) == BOTH

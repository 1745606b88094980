"""The self-test tries what the agent needs, and says what does not work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import __main__ as cli
from agent import selftest
from agent.wire.sending import enrolment
from agent.wire.sending.enrol_token import decode
from agent.wire.sending.home import AgentHome
from agent.wire.sending.sensor import About, Availability, Sensor, State
from agent.wire.sending.spool import Spool
from tests.agent.box import FakeBox


@pytest.fixture
def enrolled(tmp_path: Path) -> Iterator[AgentHome]:
    box, home = FakeBox(tmp_path / "box"), AgentHome(tmp_path / "agent")
    enrolment.enrol(decode(box.token()), home)
    yield home
    box.down()


def test_an_enrolled_agent_works_until_its_box_goes_and_its_spool_breaks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box, home = FakeBox(tmp_path / "box"), AgentHome(tmp_path / "agent")
    try:
        enrolment.enrol(decode(box.token()), home)
        Spool(home.spool).close()
        assert selftest.run(home, [], as_json=True) == 0
    finally:
        box.down()
    told = json.loads(capsys.readouterr().out)
    assert [(check["name"], check["works"]) for check in told["checks"]] == [
        ("home", True), ("spool", True), ("key", True), ("box", True),
    ]  # fmt: skip
    assert told["version"]
    assert not (home.folder / "selftest").exists()
    assert told["checks"][2]["seen"].startswith("protected by its mode, 0600")
    home.spool.write_bytes(b"x" * 5000)
    assert selftest.run(home, [], as_json=False) == 1
    said = capsys.readouterr().out
    assert "[NIE DZIAŁA] bufor zdarzeń" in said
    assert "[NIE DZIAŁA] połączenie z Czujką" in said
    assert "[działa] klucz i certyfikat" in said
    home.key.chmod(0o640)
    assert selftest.run(home, [], as_json=False) == 1
    assert "[NIE DZIAŁA] klucz i certyfikat: PermissionError: others may use the key: its mode is 0640" in (
        capsys.readouterr().out
    )


class Source:
    def __init__(self, name: str, state: State, reason: str = "") -> None:
        self.about = About(name, f"Źródło {name}", f"Source {name}")
        self._found = Availability(state, f"sensor.reason.{reason}" if reason else "")

    def availability(self) -> Availability:
        return self._found


ON_SYSTEMD = [Source("audit", "on"), Source("journald", "on"), Source("logfile", "off", "journal_in_use")]
WITHOUT = [Source("journald", "off", "no_journal"), Source("logfile", "on"), Source("fim", "limited", "rounds_only")]


@pytest.mark.parametrize(
    ("sensors", "failing"),
    [
        (ON_SYSTEMD, []),
        (WITHOUT, []),
        ([*ON_SYSTEMD, Source("inventory", "off", "policy")], []),
        ([Source("journald", "off", "no_journal"), Source("logfile", "off", "needs_root")], ["journald", "logfile"]),
        ([Source("audit", "limited", "audit_rules_refused"), Source("new", "off")], ["audit", "new"]),
    ],
)
def test_a_sensor_that_is_off_because_another_reads_the_same_is_no_fault(
    enrolled: AgentHome, sensors: list[Sensor], failing: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert selftest.run(enrolled, sensors, as_json=True) == bool(failing)
    told = json.loads(capsys.readouterr().out)["checks"]
    assert [one["name"] for one in told if not one["works"]] == [f"sensor.{name}" for name in failing]
    selftest.run(enrolled, sensors, as_json=False)
    said = capsys.readouterr().out
    assert "sensor.reason" not in said + json.dumps(told)
    assert "Źródło" in said


def test_a_sample_of_windows_events_is_refused_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["record", str(tmp_path / "sample.zip")]) == 69
    assert capsys.readouterr().err == "To polecenie zapisuje zdarzenia z dziennika Windows, a ten komputer go nie ma.\n"
    assert not (tmp_path / "sample.zip").exists()


def test_an_agent_that_is_not_enrolled_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = AgentHome(tmp_path / "agent")
    home.create()
    assert selftest.run(home, [], as_json=True) == 1
    found = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert found["box"]["seen"] == "LookupError: not enrolled"
    assert (found["home"]["works"], found["spool"]["seen"], found["key"]["works"]) == (True, "none yet", False)

"""Every check on every system: its verdict on recorded facts, its reasons, what it does with broken facts."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.inventory.gather import Gatherer
from agent.inventory.raw import Native, Script
from agent.inventory.windows import script
from agent.posture.check import COMMON_REASONS, Check, verdict
from agent.posture.linux import CHECKS as LINUX
from agent.posture.windows import CHECKS as WINDOWS
from agent.wire.posture import MAX_VALUE, RESULTS
from tests.agent.inventory.facts import host

NOW = 1795348800
SPOKEN: dict[tuple[str, str], tuple[str, ...]] = {
    ("linux", "reboot_pending"): ("flag",),
    ("windows", "security_updates"): ("updates",),
    ("windows", "antivirus"): ("products",),
    ("windows", "local_administrators"): ("members",),
    ("windows", "builtin_administrator"): ("accounts",),
}
"""The sources that say something in the system's own language: titles of updates, names of programs and accounts."""
NUMBERS = {
    Script("defender"), Script("volumes"), Script("tpm"), Script("update_times"), Script("clock"), Native("audit"),
    Native("modals"), Native("password_rules"), Native("channels"),
}  # fmt: skip
"""Those that say numbers and names that no language changes, as files, the registry and programs in the C locale do."""
SYSTEMS = {"linux": LINUX, "windows": WINDOWS}
_CASES = {
    system: yaml.load(
        (Path(__file__).parent / "cases" / f"{system}.yml").read_text("utf-8"),
        yaml.CSafeLoader,
    )
    for system in SYSTEMS
}
EVERY = [(system, check) for system, checks in SYSTEMS.items() for check in checks]
CASES = [(system, check, case) for system, check in EVERY for case in _CASES[system].get(check.name, ())]
each_check = pytest.mark.parametrize(("system", "check"), EVERY, ids=lambda it: getattr(it, "name", it))


@pytest.mark.parametrize(
    ("check", "case"), [(check, case) for _, check, case in CASES],
    ids=[f"{system}-{check.name}-{number}" for number, (system, check, _) in enumerate(CASES)],
)  # fmt: skip
def test_the_verdict_on_recorded_facts(check: Check, case: dict[str, Any]) -> None:
    finding = verdict(check, Gatherer(host(check.sources, case["facts"])), case.get("at", NOW))
    result, _, reason = case["as"].partition(" ")
    assert (finding.result, finding.reason) == (result, reason)
    assert set(case["facts"]) <= set(check.sources)
    if "value" in case:
        assert finding.value == case["value"]


@each_check
def test_pass_fail_and_unknown_are_shown_and_every_reason(system: str, check: Check) -> None:
    cases = _CASES[system][check.name]
    assert {case["as"].split()[0] for case in cases} == set(RESULTS)
    reasons = {case["as"].partition(" ")[2] for case in cases} - {""}
    assert set(check.reasons) <= reasons <= {*check.reasons, *COMMON_REASONS}


@each_check
def test_a_case_is_of_one_language_where_its_source_speaks_it_and_else_of_any(system: str, check: Check) -> None:
    spoken: dict[str, dict[str, list[Any]]] = {}
    for case in _CASES[system][check.name]:
        said = [
            case["facts"][name] for name in SPOKEN.get((system, check.name), ()) if _speaks(case["facts"].get(name))
        ]
        assert case["in"] in (("pl", "en") if said else ("any",)), case
        if said:
            spoken.setdefault(case["as"], {}).setdefault(case["in"], []).append(said)
    for verdict_, by_language in spoken.items():
        assert set(by_language) == {"pl", "en"}, verdict_
        assert not [said for said in by_language["pl"] if said in by_language["en"]], verdict_
    assert ((system, check.name) in SPOKEN) == bool(spoken)


def _speaks(fact: Any) -> bool:
    return bool(fact) and not (isinstance(fact, str) and fact.startswith("!")) and "failed" not in fact


@pytest.mark.parametrize(("system", "check"), EVERY, ids=lambda it: getattr(it, "name", it))
def test_only_what_is_known_to_speak_numbers_is_taken_as_one_for_all_languages(system: str, check: Check) -> None:
    for name, source in check.sources.items():
        if isinstance(source, Script | Native) and name not in SPOKEN.get((system, check.name), ()):
            assert source in NUMBERS, name


def test_the_clocks_lines_have_lost_their_language_before_they_are_judged() -> None:
    lines = [
        line for case in _CASES["windows"]["time_sync"] for line in case["facts"].get("clock", {}).get("lines", ())
    ]
    assert lines
    assert all(set(line) <= set("0123456789:()-") for line in lines)
    assert "-replace '[^0-9:()-]'" in script.FILE.read_text("ascii")


@each_check
def test_facts_that_cannot_be_had_are_unknown_and_never_a_pass(system: str, check: Check) -> None:
    for problem in ("denied", "timeout", "failed", "too_large"):
        finding = verdict(check, Gatherer(host(check.sources, dict.fromkeys(check.sources, f"!{problem}"))), NOW)
        assert finding.result == "unknown", problem
        assert finding.reason in COMMON_REASONS


@each_check
def test_broken_facts_never_break_the_round_nor_pass_for_nothing(system: str, check: Check) -> None:
    source = random.Random(7)
    broken: list[Any] = [
        "",
        "\0",
        "[",
        {},
        [],
        None,
        5,
        {"code": 0, "out": ""},
        {"values": {}, "keys": {}},
        {"code": 0},
        "x" * 3000,
    ]
    for _ in range(60):
        finding = verdict(
            check, Gatherer(host(check.sources, {name: source.choice(broken) for name in check.sources})), NOW
        )
        assert finding.result in RESULTS
        assert finding.reason in {"", *check.reasons, *COMMON_REASONS} - {"fault"}
        assert len(finding.value) <= MAX_VALUE


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_check_is_there_once_and_every_case_belongs_to_one(system: str) -> None:
    names = [check.name for check in SYSTEMS[system]]
    assert len(names) == len(set(names))
    assert set(_CASES[system]) == set(names)

"""Every check on every system: its verdict on recorded facts, its reasons, what it does with broken facts."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.inventory.gather import Gatherer
from agent.posture.check import COMMON_REASONS, Check, verdict
from agent.posture.linux import CHECKS as LINUX
from agent.posture.windows import CHECKS as WINDOWS
from agent.wire.posture import MAX_VALUE, RESULTS
from tests.agent.inventory.facts import host

NOW = 1795348800
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
def test_pass_fail_and_unknown_are_shown_on_polish_and_english_systems(system: str, check: Check) -> None:
    cases = _CASES[system][check.name]
    shown = {(case["as"].split()[0], language) for case in cases for language in case["in"]}
    assert shown == {(result, language) for result in RESULTS for language in ("pl", "en")}
    reasons = {case["as"].partition(" ")[2] for case in cases} - {""}
    assert set(check.reasons) <= reasons <= {*check.reasons, *COMMON_REASONS}


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

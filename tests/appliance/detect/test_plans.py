"""What is learned is kept: an engine with the plans of another finds the same, and needs no lesson of its own."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import pytest

from appliance.detect import Engine, Event, RuleSet, load_plans, save_plans
from appliance.detect.cache import write_checked
from appliance.detect.memo import Samples
from appliance.detect.parse import parse_file
from appliance.detect.partition import Partition

RULE = """
title: Rule {number}
id: 00000000-0000-4000-8000-{number:012d}
status: test
level: high
logsource: {{product: windows, category: process_creation}}
detection:
    tool: {{Image|endswith: '\\tool{number}.exe'}}
    lines: {{CommandLine|contains: ['run {number}', 'go {number}'], User|re: 'a{{1,3}}b'}}
    other: {{ParentImage: 'c:\\odd{number}.exe', CommandLine|cidr: '10.{number}.0.0/16'}}
    filter: {{CommandLine|contains: quiet}}
    condition: (tool or lines or other) and not filter
---
"""


@pytest.fixture
def ruleset() -> RuleSet:
    content = "".join(RULE.format(number=number) for number in range(20))
    parsed = parse_file("rules.yml", content.encode())
    assert not parsed.faults
    return RuleSet(parsed.rules, [])


def event(number: int, **changes: Any) -> Event:
    return {
        "event.module": "windows.eventlog",
        "winlog.channel": "Microsoft-Windows-Sysmon/Operational",
        "event.code": 1,
        "event.category": "process",
        "process.executable": f"C:\\x\\tool{number}.exe",
        "process.command_line": f"number {number}",
        **changes,
    }


EVENTS = [event(number % 25) for number in range(40)] + [
    event(99, **{"process.command_line": "please run 7", "winlog.event_data.User": "xaab"}),
    event(3, **{"process.command_line": "quiet"}),
    event(99, **{"process.parent.executable": "C:\\ODD4.exe", "process.command_line": "10.4.1.1"}),
]


def found(engine: Engine) -> list[list[str]]:
    return [[rule.id for rule in engine.match(each)] for each in EVENTS]


def test_an_engine_with_plans_finds_the_same_without_learning(ruleset: RuleSet, tmp_path: Path) -> None:
    teacher = Engine(ruleset, samples=Samples(wanted=8, a_rule=0))
    expected = found(teacher)
    assert any(expected)
    assert teacher.lessons == 2  # a guess at the start, and what the events taught
    save_plans(tmp_path, teacher.plans)

    pupil = Engine(ruleset, plans=load_plans(tmp_path))
    assert found(pupil) == expected
    assert pupil.lessons == 0
    assert pupil.kinds() == teacher.kinds()


def test_rules_that_no_plan_knows_are_found_too_and_learned_anew(ruleset: RuleSet, tmp_path: Path) -> None:
    teacher = Engine(RuleSet(ruleset.rules[:12], []), samples=Samples(wanted=8, a_rule=0))
    found(teacher)
    save_plans(tmp_path, teacher.plans)
    pupil = Engine(ruleset, plans=load_plans(tmp_path), samples=Samples(wanted=8, a_rule=0))
    assert found(pupil) == found(Engine(ruleset))
    assert pupil.lessons == 2


def test_getting_ready_ahead_changes_nothing(ruleset: RuleSet) -> None:
    first = Engine(ruleset)
    expected = found(first)
    warm = Engine(ruleset)
    warm.warm(first.kinds())
    assert warm.kinds() == first.kinds()
    assert found(warm) == expected


def test_a_closed_engine_leaves_nothing_that_only_a_collection_would_free(ruleset: RuleSet) -> None:
    gc.collect()
    gc.disable()
    others = partitions()
    try:
        engine = Engine(ruleset, samples=Samples(wanted=8, a_rule=0))
        expected = found(engine)
        engine.matched_fields(ruleset.rules[0], event(0))
        engine.close()
        assert engine.kinds() == []
        assert found(engine) == expected
        engine.close()
        seen = weakref.ref(engine)
        del engine
        assert seen() is None
        assert partitions() <= others
    finally:
        gc.enable()


def partitions() -> set[int]:
    """The identities of those that live: engines of other tests may have some."""
    return {id(one) for one in gc.get_objects() if isinstance(one, Partition)}


@pytest.mark.parametrize("damage", ["cut", "flipped", "foreign", "plan"])
def test_damaged_plans_cost_only_time(ruleset: RuleSet, tmp_path: Path, damage: str) -> None:
    teacher = Engine(ruleset)
    expected = found(teacher)
    save_plans(tmp_path, teacher.plans)
    file = tmp_path / "plans.json"
    raw = file.read_bytes()
    if damage == "cut":
        file.write_bytes(raw[:100])
    elif damage == "flipped":
        file.write_bytes(raw[:-9] + bytes([raw[-9] ^ 1]) + raw[-8:])
    elif damage == "foreign":
        write_checked(file, "another compiler", [])
    else:
        save_plans(
            tmp_path, dict.fromkeys(teacher.plans, b'{"learned": true, "choices": {"a": [[5]]}, "literals": []}')
        )
    assert found(Engine(ruleset, plans=load_plans(tmp_path))) == expected


def test_a_huge_event_is_not_learned_from() -> None:
    samples = Samples()
    room = samples.room
    assert not samples.take(event(1, **{"process.command_line": "x" * 1_000_000}))
    assert samples.room == room
    assert samples.take(event(1))

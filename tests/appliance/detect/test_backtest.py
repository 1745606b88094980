"""Correlations in a backtest: a match is a stretch of time in which one held, as `czujka detect` tells it."""

from __future__ import annotations

import random
from pathlib import Path

import orjson
import pytest

from appliance.cli.correlating import FileCorrelations
from appliance.detect import Engine, Event, RuleSet, load_rules
from appliance.detect.backtest import SAMPLES, Tally, backtest
from appliance.detect.selftest import CORRELATIONS, EVENTS, SIGMA
from appliance.normalise import Source, normalise

SOURCE = Source("00000000-0000-4000-8000-000000000000", 1_795_348_800_000_000)
MINUTE = 60_000_000
NOON = 1_795_348_800_000_000
BASE, MANY = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
RULES = f"""---
title: Started
id: {BASE}
name: base
level: informational
logsource: {{product: windows, category: process_creation}}
detection: {{a: {{Who|exists: true}}, condition: a}}
---
title: Many starts
id: {MANY}
level: high
correlation:
  type: event_count
  rules: [base]
  group-by: [Who]
  timespan: 5m
  condition: {{gte: 3}}
"""


@pytest.fixture(scope="module")
def shipped() -> RuleSet:
    return load_rules([SIGMA, CORRELATIONS])


def scenes() -> list[str]:
    return sorted(folder.name for folder in (EVENTS / "correlation").iterdir() if folder.is_dir())


def events(name: str) -> list[tuple[str, Event]]:
    lines = (EVENTS / "correlation" / name / "match.ndjson").read_bytes().splitlines()
    return [(str(number), normalise(line, SOURCE)) for number, line in enumerate(lines, 1) if line.strip()]


@pytest.mark.parametrize("name", scenes()[::6])
def test_it_counts_what_detect_tells_in_any_order(shipped: RuleSet, name: str) -> None:
    given = events(name)
    random.Random(name).shuffle(given)
    engine, told = Engine(shipped), FileCorrelations.of(shipped)
    for place, event in given:
        told.take((place, 0), event, engine.match(event))
    expected: dict[str, int] = {}
    for document in told.documents():
        expected[document["rule"]] = expected.get(document["rule"], 0) + 1
    tally = backtest(shipped, given)
    ids = {one.id for one in shipped.correlations}
    assert expected
    assert {one: found.matches for one, found in tally.rules.items() if one in ids} == expected


def run(tmp_path: Path, *moments: tuple[int, str]) -> Tally:
    file = tmp_path / "rules.yml"
    file.write_text(RULES, encoding="utf-8")
    ruleset = load_rules([file])
    assert ruleset.faults == []
    record = {"Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 1, "Computer": "PC1"}
    made = []
    for number, (minute, who) in enumerate(moments):
        line = orjson.dumps({**record, "EventRecordID": number, "Who": who})
        made.append((f"e:{number}", normalise(line, SOURCE) | {"@timestamp": NOON + minute * MINUTE}))
    return backtest(ruleset, made)


def test_a_burst_is_one_match_and_another_after_the_timespan_the_next(tmp_path: Path) -> None:
    tally = run(tmp_path, *[(minute, "ala") for minute in (0, 1, 2, 3, 4, 30, 31, 32)])
    found = tally.rules[MANY]
    assert (tally.count(BASE), tally.count(MANY), tally.matches) == (8, 2, 10)
    assert [(one.place, one.time, one.host) for one in found.samples] == [
        ("e:2", NOON + 2 * MINUTE, "PC1"),
        ("e:7", NOON + 32 * MINUTE, "PC1"),
    ]
    assert (found.first, found.last) == (NOON + 2 * MINUTE, NOON + 32 * MINUTE)
    assert tally.forgotten == 0


def test_groups_are_matches_of_their_own_and_samples_are_few(tmp_path: Path) -> None:
    tally = run(tmp_path, *[(minute, f"p{who}") for who in range(SAMPLES + 2) for minute in (0, 1, 2)])
    assert tally.count(MANY) == SAMPLES + 2
    assert len(tally.rules[MANY].samples) == SAMPLES


def test_too_few_are_no_match(tmp_path: Path) -> None:
    assert run(tmp_path, (0, "ala"), (1, "ala"), (2, "ola"), (9, "ala")).count(MANY) == 0


def test_what_had_to_be_given_up_is_counted(tmp_path: Path) -> None:
    assert run(tmp_path, *[(0, "ala")] * 2000).forgotten > 0

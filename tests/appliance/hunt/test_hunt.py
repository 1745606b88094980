"""A hunt over a real store finds what the stream would have found, and shows the matcher only what may match."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

import rules
from appliance.detect import Engine, Rule, RuleSet, load_rules
from appliance.detect.selftest import EVENTS, SOURCE
from appliance.hunt import hunt as hunts
from appliance.hunt import sieve
from appliance.hunt.hunt import Hunt
from appliance.normalise import Event, normalise
from appliance.store import EmbeddedReader, EmbeddedStore, Store
from appliance.store.shape import encode

SEED, RULES = 20261122, 96
Found = dict[str, set[str]]


@pytest.fixture(scope="module")
def ruleset() -> RuleSet:
    return load_rules([rules.ROOT / "sigma"])


@pytest.fixture(scope="module")
def events() -> list[Event]:
    """The true and the false events of all our rules, each with an id and a time of its own."""
    lines = [line for file in sorted(EVENTS.rglob("*.ndjson")) for line in file.read_bytes().splitlines() if line]
    return [
        {**normalise(line, SOURCE), "event.id": f"{number:032x}", "@timestamp": number * 1000}
        for number, line in enumerate(lines)
    ]


@pytest.fixture(scope="module")
def reader(events: list[Event], tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedReader]:
    folder = tmp_path_factory.mktemp("store")
    store = EmbeddedStore(folder)
    for start in range(0, len(events), 400):
        store.append(encode(events[start : start + 400]), [], start + 1)
    store.close()
    made = EmbeddedReader(folder)
    yield made
    made.close()


class Plain:
    """A store without columns: what it is asked goes to a real one."""

    def __init__(self, reader: EmbeddedReader) -> None:
        self.search, self.count, self.fields = reader.search, reader.count, reader.fields


def _plain(reader: EmbeddedReader) -> Store:
    return cast("Store", Plain(reader))


def _streamed(events: list[Event], chosen: Sequence[Rule]) -> Found:
    engine, found = Engine(RuleSet(list(chosen), [])), defaultdict(set)
    for event in events:
        for rule in engine.match(event):
            found[rule.id].add(str(event["event.id"]))
    return dict(found)


@pytest.fixture(scope="module")
def streamed(ruleset: RuleSet, events: list[Event]) -> Found:
    """What the stream finds with all rules."""
    return _streamed(events, ruleset.rules)


def _hunted(hunt: Hunt, **asked: Any) -> Found:
    found = defaultdict(set)
    for event, matched in hunt.run(**asked):
        for rule in matched:
            found[rule.id].add(str(event["event.id"]))
    return dict(found)


def test_rules_are_hunted_as_they_are_streamed(
    ruleset: RuleSet, events: list[Event], streamed: Found, reader: EmbeddedReader
) -> None:
    draw = random.Random(SEED)
    shuffled = draw.sample(ruleset.rules, len(ruleset.rules))
    looked = 0
    # A few at a time are asked for narrowly.
    for start in range(0, RULES, 8):
        some = shuffled[start : start + 8]
        hunt = Hunt.of(_plain(reader), some)
        assert _hunted(hunt) == {rule.id: streamed[rule.id] for rule in some if rule.id in streamed}
        looked += hunt.looked
    assert looked < len(events) * RULES / 8 / 2, "the store leaves most events out"


def test_many_rules_are_hunted_over_all_events(
    ruleset: RuleSet, events: list[Event], streamed: Found, reader: EmbeddedReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hunts, "MAX_LEAVES", 1)
    hunt = Hunt.of(_plain(reader), ruleset.rules)
    assert _hunted(hunt) == streamed
    assert hunt.looked == len(events)


def test_columns_show_the_matcher_what_may_match(
    ruleset: RuleSet, streamed: Found, reader: EmbeddedReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sieve, "FEW", 0)
    hunt = Hunt.of(reader, ruleset.rules)
    assert _hunted(hunt) == streamed
    assert hunt.looked < hunt.found * 1.1


def test_a_store_without_columns_is_asked_for_what_answers_a_query(ruleset: RuleSet, reader: EmbeddedReader) -> None:
    told: list[tuple[int, int]] = []
    rules = [rule for rule in ruleset.rules if rule.logsource.product == "windows"][:40]
    query = "event.module:windows.eventlog AND NOT event.code:4624"
    asked: dict[str, Any] = {"start": 50_000, "end": 1_500_000, "query": query}
    found = _hunted(Hunt.of(reader, rules), **asked)
    assert found
    plain = Hunt.of(_plain(reader), rules)
    assert _hunted(plain, **asked, progress=lambda *at: told.append(at)) == found
    assert told[0] == (0, plain.looked)
    assert told[-1] == (plain.looked, plain.looked)


def test_a_hunt_keeps_to_its_time(
    ruleset: RuleSet, events: list[Event], streamed: Found, reader: EmbeddedReader
) -> None:
    half = len(events) // 2 * 1000
    hunt = Hunt.of(reader, ruleset.rules)
    parts = [_hunted(hunt, start=start, end=end) for start, end in ((None, half), (half, None))]
    assert parts[0]
    assert parts[1]
    assert {name: parts[0].get(name, set()) | parts[1].get(name, set()) for name in streamed} == streamed
    assert all(int(one, 16) * 1000 < half for ids in parts[0].values() for one in ids)


def test_rules_that_nothing_feeds_are_hunted_in_vain(ruleset: RuleSet, reader: EmbeddedReader) -> None:
    source = replace(ruleset.rules[0].logsource, product="nobody", category=None, service="none")
    hunt = Hunt.of(reader, [replace(ruleset.rules[0], logsource=source)])
    assert _hunted(hunt) == {}
    assert hunt.looked == 0

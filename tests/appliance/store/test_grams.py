"""Sketches of segments: they never deny a text that is there, and mostly deny one that is not."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.wire.event import event_id
from appliance.normalise.model import Event
from appliance.search import Fields, Node, matches, parse
from appliance.store import EmbeddedReader, EmbeddedStore, segments, sketches
from appliance.store.grams import may_hold, sketch, telling
from appliance.store.shape import encode
from appliance.store.sketches import Sketches
from tests.appliance.search.cases import NOW, cases
from tests.appliance.search.cases import events as corpus
from tests.appliance.store.conftest import Make
from tests.appliance.store.strategies import events, nodes, written


def tree(query: str) -> Node:
    return parse(query, now=lambda: 20)


def denied(given_events: list[Event] | tuple[Event, ...], node: Node, rows: int) -> bool:
    return telling(node) and not may_hold(sketch(encode(given_events).table, rows), node)


@settings(deadline=None, max_examples=150)
@given(events(), st.lists(nodes | written.map(tree), min_size=4, max_size=4), st.integers(1, 7))
def test_what_is_there_is_never_denied(drawn: list[Event], queries: list[Node], rows: int) -> None:
    if not drawn:
        return
    for query in queries:
        if any(matches(query, event) for event in drawn):
            assert not denied(drawn, query, rows), query


def test_the_corpus_is_never_denied_and_often_spared() -> None:
    known = Fields(frozenset(name for event in corpus() for name in event))
    kept = [sketch(encode(corpus()).table, rows) for rows in (1, 5, 100)]
    spared = 0
    for case in cases():
        node = parse(case.query, known, lambda: NOW)
        denials = [one for one in kept if telling(node) and not may_hold(one, node)]
        assert not (denials and case.wanted), str(case)
        spared += bool(denials)
    nothing = [case for case in cases() if not case.wanted and telling(parse(case.query, known, lambda: NOW))]
    assert spared > len(nothing) // 2 > 5


STRAYS = {"mimi\u212aatz": "mimikatz", "M\u0130M\u0130": "mimi", "\u212a\u212a\u212a": "kkk", "żółAbć": "abc"}


@pytest.mark.parametrize("value", STRAYS)
def test_letters_that_fold_into_ascii_are_found(value: str) -> None:
    event: Event = {"event.id": event_id(1), "@timestamp": 1, "message": value, "odd": (value, 5)}
    node = parse(STRAYS[value] if value != "żółAbć" else "abć")
    assert matches(node, event)
    assert not denied([event], node, 1)
    assert denied([event], parse("mimikatzen"), 1)


def test_a_segment_that_cannot_answer_is_not_read(
    store: EmbeddedStore, reader: EmbeddedReader, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "ROW_GROUP", 10)
    store.append(encode([make(n, message=f"alpha {n}") for n in range(20)]), [], 1)
    store.append(encode([make(n, message=f"beta {n}", **{"user.name": "Kowalska"}) for n in range(20, 40)]), [], 2)
    store.append(encode([make(50, message="gamma")]), [], 3)
    files = sorted((tmp_path / "store").glob("*.parquet"))
    assert [segments.kept_sketch(file) is None for file in files] == [False, False, True]
    assert reader.count("alpha OR beta") == 40
    files[0].unlink()
    assert reader.count("beta") == reader.count("user:kowalska") == reader.count("message:/bet[aA]\\s[0-9]/") == 20
    assert len(reader.search("beta 3*", limit=5).events) == 5
    assert reader.top("beta", "user.name") == [("Kowalska", 20)]
    assert reader.count("nothing-like-this") == 0


def test_a_rare_word_is_read_where_it_may_be(
    store: EmbeddedStore, reader: EmbeddedReader, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "ROW_GROUP", 10)
    words = {4: "alpha", 17: "gamma", 18: "gamma", 31: "gamma", 45: "delta"}
    store.append(encode([make(n, message=words.get(n, "beta")) for n in range(50)]), [], 1)
    store.append(encode([make(n, message="gamma") for n in (60, 90)]), [], 2)
    known = Sketches(store._folder)
    first, small = store.plan()[0]
    times = [int(str(make(n)["@timestamp"])) for n in range(100)]
    assert known.ranges([first], parse("gamma")) == [(times[10], times[19]), (times[30], times[39])]
    assert known.ranges([first], parse("alpha OR gamma")) == [(times[0], times[19]), (times[30], times[39])]
    assert known.ranges([first], parse("NOT gamma")) == []
    # Four of its five parts and all of them: to leave out so little is not worth comparing every time.
    assert known.ranges([first], parse("alpha OR gamma OR delta")) == []
    assert known.ranges([first], parse("beta")) == []
    assert known.apart([first, small], parse("gamma")) == [[first], [small]]
    assert known.apart([first, small], parse("NOT gamma")) == [[first, small]]
    monkeypatch.setattr(sketches, "MOST_RANGES", 1)
    assert known.ranges([first], parse("gamma")) == []
    assert [str(one["message"]) for one in reader.search("gamma", limit=50).events] == ["gamma"] * 5
    assert reader.count("gamma") == 5
    assert reader.count("gamma OR delta", end=times[46]) == 4


@given(st.sets(st.integers(0, 10**6), min_size=1, max_size=300), st.integers(2, 120))
def test_spans_have_all_times_and_are_few(times: set[int], most: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sketches, "MOST_RANGES", most)
        found = sketches.spans(times)
    assert len(found) == min(most, len(times))
    assert all(any(low <= at <= high for low, high in found) for at in times)
    assert {low for low, _ in found} | {high for _, high in found} <= times
    assert all(one[1] < other[0] for one, other in pairwise(found))

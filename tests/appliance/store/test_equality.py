"""The store gives back what it got, and answers as the reference evaluator does."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from appliance.normalise.model import Event
from appliance.search import Node, matches, parse
from appliance.store import EmbeddedReader, EmbeddedStore
from appliance.store.shape import decode, encode
from tests.appliance.store.strategies import events, nodes, written


def comparable(event: Event) -> dict[str, str]:
    return {name: f"{type(value).__name__}:{value!r}" for name, value in event.items()}


def tree(query: str) -> Node:
    return parse(query, now=lambda: 20)


@given(events())
def test_events_survive_the_table_exactly(given_events: list[Event]) -> None:
    if not given_events:
        return
    back = {event["event.id"]: comparable(event) for event in decode(encode(given_events).table)}
    assert back == {event["event.id"]: comparable(event) for event in given_events}


# Shrinking would take minutes, as each example is a store on disk.
@settings(deadline=None, max_examples=15, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.lists(events(), min_size=1, max_size=2), st.lists(nodes | written.map(tree), min_size=10, max_size=10))
def test_the_store_answers_as_the_reference_does(batches: list[list[Event]], queries: list[Node]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store, reader = EmbeddedStore(Path(folder)), EmbeddedReader(Path(folder))
        for batch in batches:
            store.append(encode(batch), [], 1)
        stored = {str(event["event.id"]): event for batch in reversed(batches) for event in batch}
        for query in queries:
            wanted = {name for name, event in stored.items() if matches(query, event)}
            page = reader.search(query, limit=1000)
            assert {event["event.id"] for event in page.events} == wanted, query
            assert reader.count(query) == len(wanted)
            assert all(comparable(event) == comparable(stored[str(event["event.id"])]) for event in page.events)
        reader.close()
        store.close()


def test_nan_and_infinity_come_back() -> None:
    event: Event = {"event.id": "0" * 32, "@timestamp": 1, "a": float("nan"), "b": float("-inf"), "c": -0.0}
    (back,) = decode(encode([event]).table)
    assert isinstance(back["a"], float)
    assert math.isnan(back["a"])
    assert (back["b"], repr(back["c"])) == (float("-inf"), "-0.0")


def test_lone_surrogates_become_replacement_characters() -> None:
    (back,) = decode(encode([{"event.id": "0" * 32, "@timestamp": 1, "message": "a\ud800", "x\udfff": "\ud800"}]).table)
    assert back["message"] == "a\ufffd"
    assert back["x\ufffd"] == "\ufffd"

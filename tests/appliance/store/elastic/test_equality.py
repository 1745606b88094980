"""Embedded store = cluster = the plain reference: the same events, the same questions, the same answers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as given_settings

from agent.wire.event import event_id
from appliance.clock import DAY
from appliance.normalise.model import Event
from appliance.search import Fields, Node, matches, parse
from appliance.store import EmbeddedReader, EmbeddedStore, Store
from appliance.store.elastic.documents import arrival
from appliance.store.elastic.reader import ElasticReader
from appliance.store.shape import encode
from tests.appliance.store.elastic.conftest import Pair
from tests.appliance.store.elastic.corpus import QUERIES, corpus
from tests.appliance.store.strategies import KINDS, nodes
from tests.appliance.store.test_equality import comparable
from tests.nodes.clusters import clean, settings_for
from tests.nodes.node import Node as SearchNode

pytestmark = pytest.mark.nodes


@dataclass(frozen=True)
class Both:
    """The same events in both stores."""

    events: list[Event]
    embedded: EmbeddedReader
    elastic: ElasticReader

    @property
    def stores(self) -> tuple[Store, Store]:
        return self.embedded, self.elastic


@pytest.fixture(scope="module")
def embedded() -> Iterator[EmbeddedReader]:
    """The embedded store, the same for every engine."""
    with tempfile.TemporaryDirectory() as folder:
        store, reader = EmbeddedStore(Path(folder)), EmbeddedReader(Path(folder))
        store.append(encode(corpus()), [], 1)
        yield reader
        reader.close()
        store.close()


@pytest.fixture(scope="module")
def both(node: SearchNode, embedded: EmbeddedReader) -> Iterator[Both]:
    events, index = corpus(), "equal"
    with tempfile.TemporaryDirectory() as folder:
        pair = Pair(settings_for(node, index), Path(folder))
        pair.store.append(encode(events), [], 1)
        pair.store.flush()
        assert not pair.refused
        yield Both(events, embedded, pair.reader)
        pair.close()
    clean(node, index)


@cache
def _told(embedded: EmbeddedReader, query: str) -> list[str]:
    """What the embedded store says, asked once for all engines."""
    return [str(event["event.id"]) for event in embedded.search(query, limit=1000).events]


def _agree(both: Both, node: Node, query: object) -> list[str]:
    """Compare with the reference; return the ids in the order in which the cluster gave them."""
    wanted = {str(event["event.id"]): event for event in both.events if matches(node, event)}
    page = both.elastic.search(node, limit=1000)
    found = [str(event["event.id"]) for event in page.events]
    assert set(found) == set(wanted), query
    assert all(comparable(event) == comparable(wanted[str(event["event.id"])]) for event in page.events), query
    assert both.elastic.count(node) == len(found) == len(wanted), query
    return found


@pytest.mark.parametrize("query", QUERIES)
def test_written_queries_find_the_same(both: Both, query: str) -> None:
    node = parse(query, both.embedded.fields())
    assert parse(query, both.elastic.fields()) == node
    assert _agree(both, node, query) == _told(both.embedded, query)


@given_settings(
    deadline=None,
    max_examples=30,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(node=nodes)
def test_generated_queries_find_the_same(both: Both, node: Node) -> None:
    _agree(both, node, node)


@pytest.mark.parametrize("descending", [True, False])
def test_pages_go_through_everything_in_one_order(both: Both, *, descending: bool) -> None:
    orders: list[list[str]] = []
    for store in both.stores:
        found: list[str] = []
        after: str | None = None
        while True:
            page = store.search("", limit=50, after=after, descending=descending)
            found += [str(event["event.id"]) for event in page.events]
            after = page.next
            if after is None:
                break
        orders.append(found)
    assert orders[0] == orders[1]
    assert sorted(orders[0]) == sorted(str(event["event.id"]) for event in both.events)


@cache
def _top(embedded: EmbeddedReader, query: str, name: str) -> list[tuple[str, int]]:
    """What the embedded store says, asked once for all engines."""
    return [(repr(value), count) for value, count in embedded.top(query, name, 1000)]


@pytest.mark.parametrize("name", [*KINDS, "event.code", "@timestamp", "event.id", "winlog.event_data.Foo", "user"])
@pytest.mark.parametrize("query", ["", "NOT message:a*"])
def test_the_most_frequent_values_are_the_same(both: Both, query: str, name: str) -> None:
    wanted = _top(both.embedded, query, name)
    for n in (1000, 3):
        assert [(repr(value), count) for value, count in both.elastic.top(query, name, n)] == wanted[:n]


@pytest.mark.parametrize("query", ["", "a", "process.pid:5", "NOT host.name:*ż*", "x.nothing:1 OR -a"])
def test_counts_over_time_are_the_same(both: Both, query: str) -> None:
    fields = Fields(["x.nothing"])
    node = parse(query, fields)
    for start, end, buckets in ((0, 21, 7), (0, 10**15, 13), (1_800_000_000_000_000, 1_800_000_000_000_123, 10)):
        first, second = (store.histogram(node, start, end, buckets) for store in both.stores)
        assert first == second
        assert sum(bucket.count for bucket in first) == both.elastic.count(node, start, end)


@pytest.mark.parametrize("span", [(None, 5), (5, None), (3, 9), (9, 3), (0, 1), (-(1 << 62), 1 << 62), (1 << 62, None)])
def test_ranges_of_time_are_the_same(both: Both, span: tuple[int | None, int | None]) -> None:
    start, end = span
    ids = [
        sorted(str(event["event.id"]) for event in store.search("", start, end, 1000).events) for store in both.stores
    ]
    assert ids[0] == ids[1]
    assert both.embedded.count("", start, end) == both.elastic.count("", start, end) == len(ids[0])


def test_single_events_and_their_neighbours_are_the_same(both: Both) -> None:
    for event in both.events[::67]:
        name, moment = str(event["event.id"]), event["@timestamp"]
        assert isinstance(moment, int)
        assert comparable(both.elastic.get(name) or {}) == comparable(event)
        assert comparable(both.elastic.get(name, moment) or {}) == comparable(event)
        assert both.elastic.get(name, moment + 1) is None
        near = [[one["event.id"] for one in store.around(name, 10, 9, moment)] for store in both.stores]
        assert near[0] == near[1]
    assert both.elastic.get(event_id(1, 2)) is None
    assert both.elastic.get('"; x') is None


def test_process_trees_are_the_same(both: Both) -> None:
    starts = [event for event in both.events if "process.parent.entity_id" in event][-1:]
    for event in starts:
        chains = [[one["event.id"] for one in store.process_chain(event)] for store in both.stores]
        below = [[one["event.id"] for one in store.process_children(event)] for store in both.stores]
        assert chains[0] == chains[1]
        assert below[0] == below[1]
    assert max(len(both.elastic.process_chain(event)) for event in starts) > 2


def test_sizes_are_told(both: Both) -> None:
    first, second = (store.stats() for store in both.stores)
    assert (first.events, first.oldest) == (second.events, second.oldest)
    assert second.bytes > 0
    assert second.segments == len({arrival(event) // DAY for event in both.events})

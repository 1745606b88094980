"""Embedded store = cluster = the plain reference: the same events, the same questions, the same answers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as given_settings

from agent.wire.event import event_id
from appliance.clock import DAY
from appliance.normalise.model import Event
from appliance.search import Field, Fields, Kind, Node, matches, parse
from appliance.search.nodes import And, Exact, Leaf, Or, Pattern
from appliance.store import EmbeddedReader, EmbeddedStore, Group, Measure, QueryTooLarge, Store
from appliance.store.elastic import groups
from appliance.store.elastic.documents import arrival
from appliance.store.elastic.reader import ElasticReader
from appliance.store.shape import encode
from tests.appliance.store.conftest import NOW
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
    """The embedded store."""
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
    node = parse(query, both.embedded.fields(), lambda: NOW)
    assert parse(query, both.elastic.fields(), lambda: NOW) == node
    told = [str(event["event.id"]) for event in both.embedded.search(node, limit=1000).events]
    assert _agree(both, node, query) == told


@given_settings(
    deadline=None,
    max_examples=20,
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


COUNTED = (*KINDS, "event.code", "@timestamp", "event.id", "winlog.event_data.Foo", "user")


@pytest.mark.parametrize(
    ("query", "name"), [*(("", name) for name in COUNTED), *(("NOT message:a*", name) for name in COUNTED[::3])]
)
def test_the_most_frequent_values_are_the_same(both: Both, query: str, name: str) -> None:
    wanted = [(repr(value), count) for value, count in both.embedded.top(query, name, 1000)]
    for n in (1000, 3):
        assert [(repr(value), count) for value, count in both.elastic.top(query, name, n)] == wanted[:n]


BY = (
    (["host.name"], ""),
    (["process.pid", "event.time_corrected"], ""),
    (["message", "host.name"], "NOT host.name:a"),
    (["winlog.event_data.Foo"], ""),
    (["winlog.event_data.Foo", "event.code", "user"], "event.code:*"),
    (["event.category", "source.ip"], "/[a-z]+/"),
    (["event.id"], ""),
    (["@timestamp"], "process.pid:>0 OR message:*"),
)
GROUPED = tuple(map(Measure.parse, ("distinct:host.name", "distinct:winlog.event_data.Foo", "sum:process.pid")))
RANGED = tuple(map(Measure.parse, ("min:process.pid", "max:winlog.event_data.Foo", "sum:@timestamp", "max:event.id")))


@pytest.mark.parametrize(("by", "query"), BY)
@pytest.mark.parametrize("measures", [(), GROUPED, RANGED], ids=["counts", "sums", "ranges"])
def test_groups_are_the_same(both: Both, by: list[str], query: str, measures: Sequence[Measure]) -> None:
    for n in (1000, 3) if not measures else (1000,):
        first, second = (store.group(query, by, measures, n=n) for store in both.stores)
        assert second.more == first.more
        assert [_row(one)[:2] for one in second.rows] == [_row(one)[:2] for one in first.rows]
        for one, other in zip(second.rows, first.rows, strict=True):
            pairs = zip(one.measures, other.measures, strict=True)
            assert all(found == wanted if wanted is None else found == pytest.approx(wanted) for found, wanted in pairs)


def _row(group: Group) -> tuple[str, int]:
    return repr(group.key), group.count


@pytest.mark.parametrize("name", [*KINDS, "event.code", "user", "winlog.event_data.Foo", "event.id"])
def test_suggested_values_are_the_same(both: Both, name: str) -> None:
    for prefix in ("", "a", "1", "K", "ż", "-"):
        first, second = (store.values(name, prefix, 1000) for store in both.stores)
        assert [(repr(value), count) for value, count in second] == [(repr(value), count) for value, count in first]


def test_what_is_held_for_groups_is_bounded(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "MOST", 40)
    monkeypatch.setattr(groups, "PAGE", 7)
    assert len(both.elastic.group("", ["user.name", "event.code"], [Measure("distinct", "event.code")]).rows) > 3
    for by in (["event.id", "host.name"], ["winlog.event_data.Foo", "event.id"]):
        with pytest.raises(QueryTooLarge):
            both.elastic.group("", by)


def test_a_question_of_many_parts_is_answered(both: Both) -> None:
    many = Or(tuple(Leaf((Field("user.name", Kind.KEYWORD),), Pattern((f"kow{n}",), inside=True)) for n in range(300)))
    node = And((many, Leaf((Field("host.name", Kind.KEYWORD),), Exact("PC-1"))))
    assert _agree(both, node, "many") == []
    found = _agree(both, Or((node, Leaf((Field("user.name", Kind.KEYWORD),), Exact("jan")))), "many or jan")
    assert len(found) == 15


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
        chains = [[one["event.id"] for one in store.process_chain(event, 4)] for store in both.stores]
        below = [[one["event.id"] for one in store.process_children(event)] for store in both.stores]
        trees = [store.process_tree(event, 3, 3) for store in both.stores]
        shapes = [({one.event["event.id"]: one.parent for one in tree.nodes}, tree.complete) for tree in trees]
        assert chains[0] == chains[1]
        assert below[0] == below[1]
        assert shapes[0] == shapes[1]
        assert len(chains[1]) == 4
        assert len(shapes[1][0]) > 3


def test_sizes_are_told(both: Both) -> None:
    first, second = (store.stats() for store in both.stores)
    assert (first.events, first.oldest) == (second.events, second.oldest)
    assert second.bytes > 0
    assert second.segments == len({arrival(event) // DAY for event in both.events})

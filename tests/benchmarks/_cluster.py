"""The same events in a real Elasticsearch 9 and in segments: bytes, cost of writing, and the questions in turn.

The node is that of the tests (tests/nodes) with a gigabyte of memory and the compiler of long runs. CPU time counts the
node's process and ours. Size is told after the cluster was asked to merge everything into one segment, the best that it
does; beside our own index stand two plain ones that Elasticsearch would make of flat events.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import orjson
import psutil
from elasticsearch import Elasticsearch, helpers

from appliance.normalise.model import Event
from appliance.settings import ElasticSettings
from appliance.store import EmbeddedReader, EmbeddedStore
from appliance.store.elastic.client import connect
from appliance.store.elastic.columns import items_of
from appliance.store.elastic.documents import Item, date
from appliance.store.elastic.mapping import index_body
from appliance.store.elastic.reader import ElasticReader
from appliance.store.elastic.writer import SHIP_EVENTS, ElasticStore
from appliance.store.shape import Rows, decode
from tests.agent.conditions import until
from tests.benchmarks._made import STEP, Maker
from tests.benchmarks._questions import Spent, cost, forget, middle, questions, told
from tests.nodes.clusters import settings_for
from tests.nodes.engines import ENGINES
from tests.nodes.node import Node

TURNS, PARCELS = 8, 6
"""Turns of our writer and of the bulk helper of the cluster's own client, and the parcels of each: the same events."""
PLAIN = 240_000
"""Events in the plain indices."""
SAMPLED = frozenset({"suggested values"})
"""Questions that segments answer by their newest events alone, the cluster by all."""
_LONGEST = 600
"""Seconds that a table may take to be in the cluster."""
_TEXT = {"type": "keyword", "normalizer": "low", "ignore_above": 8191}
_PLAIN: Mapping[str, Mapping[str, str]] = {
    "best_compression": {"index.codec": "best_compression"},
    "logsdb": {"index.mode": "logsdb"},
}


def beside_cluster(root: Path, size: int, start: int) -> None:
    """Write so many events to both, compare sizes, ask both the same."""
    node = Node(ENGINES["elasticsearch-9"], root / "node", heap="1g", quick=False)
    node.launch()
    try:
        node.ready()
        _compare(node, root, size, start)
    finally:
        node.kill()


def _compare(node: Node, root: Path, size: int, start: int) -> None:
    settings, process = settings_for(node, "bench", timeout_seconds=120), psutil.Process(node.process())
    maker = Maker(start)
    segments = EmbeddedStore(root / "beside-cluster", now=lambda: maker.moment)
    cluster = ElasticStore(settings, root / "spool.db", _refuse, lambda: maker.moment)
    _paced(node, root, Maker(start), process)
    writing = _Writing(cluster, process)
    spent = 0.0
    while maker.moment < start + size * STEP:
        rows = maker.rows(min(PLAIN, size - (maker.moment - start) // STEP))
        used = time.process_time()
        segments.append(rows, [], 0)
        segments.compact(0)
        spent += time.process_time() - used
        writing.write(rows)
    print(f"-- {size:,} events in Elasticsearch {node.engine.version} and in segments")
    writing.tell(spent / size * 1e6)
    with node.http() as client:
        _sizes(client, segments, settings, process)
        cluster.close()
        segments.close()
        _asked(client, settings, root, process)


def _refuse(item: Item, reason: str) -> None:
    raise AssertionError(f"{item.id}: {reason}")


def _cpu(process: psutil.Process) -> Spent:
    def spent() -> float:
        times = process.cpu_times()
        return float(times.user + times.system) + time.process_time()

    return spent


def _paced(node: Node, root: Path, maker: Maker, process: psutil.Process) -> None:
    """Write the same events by our writer as it runs in a box and by the client's helper, in turn; print the ratios.

    Our writer takes a parcel after the other, and its thread ships what it has taken.
    """
    settings, spent = settings_for(node, "paced", timeout_seconds=120), _cpu(process)
    store = ElasticStore(settings, root / "paced.db", _refuse, lambda: maker.moment)
    client = connect(settings)
    client.indices.create(index="alone", **index_body())
    pairs: list[tuple[_Spent, _Spent]] = []
    for turn in range(TURNS):
        parts = [maker.rows(SHIP_EVENTS) for _ in range(PARCELS)]
        actions = [_action(one) for part in parts for one in items_of("alone", part, None, "bench")]
        ways = (partial(_by_ours, store, parts), partial(_alone, client, actions))
        first = turn % 2
        took = {way: _measured(ways[way], spent) for way in (first, 1 - first)}
        pairs.append((took[0], took[1]))
    store.close()
    client.close()
    # The first turn warms the node up.
    ratios = [_ratios(one, other) for one, other in pairs[1:]]
    for name, told_of in (("wall time", [one.wall for one in ratios]), ("CPU", [one.cpu for one in ratios])):
        text = f"{middle(told_of):.2f} ({min(told_of):.2f}–{max(told_of):.2f})"
        print(f"our writer : the client's bulk helper, {name}, in turn: {text}", flush=True)


class _Spent(NamedTuple):
    """Seconds of wall time, and of CPU of node and box."""

    wall: float
    cpu: float


def _measured(work: Callable[[], None], spent: Spent) -> _Spent:
    used, began = spent(), time.perf_counter()
    work()
    return _Spent(time.perf_counter() - began, spent() - used)


def _ratios(one: _Spent, other: _Spent) -> _Spent:
    return _Spent(one.wall / other.wall, one.cpu / other.cpu)


def _by_ours(store: ElasticStore, parts: Sequence[Rows]) -> None:
    for part in parts:
        store.append(part, [], 0)
    until(lambda: not store.standing().events, _LONGEST, "what was taken in the cluster")


class _Writing:
    """Writes to the cluster as a box does, and waits until all of a table is there."""

    def __init__(self, store: ElasticStore, process: psutil.Process) -> None:
        self._store, self._spent = store, _cpu(process)
        self._events, self._used, self._took = 0, 0.0, 0.0

    def write(self, rows: Rows) -> None:
        """Write a table, a parcel at a time."""
        starts = range(0, len(rows), SHIP_EVENTS)
        parts = [Rows(rows.table.slice(at, SHIP_EVENTS), rows.rest_names) for at in starts]
        took = _measured(partial(_by_ours, self._store, parts), self._spent)
        self._took += took.wall
        self._used += took.cpu
        self._events += len(rows)

    def tell(self, embedded: float) -> None:
        """Print what it cost; `embedded` is what segments cost, µs of CPU an event."""
        cluster = self._used / self._events * 1e6
        pace = f"{self._events / self._took:,.0f} events/s of wall time"
        print(f"writing: {cluster:.0f} µs of CPU an event (node and box), {pace}")
        print(f"writing in segments: {embedded:.1f} µs; {cluster / embedded:.0f} times less")


def _action(item: Item) -> dict[str, Any]:
    return {"_op_type": "create", "_index": "alone", "_id": item.id, "_source": orjson.loads(item.body)}


def _alone(client: Elasticsearch, actions: Sequence[dict[str, Any]]) -> None:
    """Write documents with the client's helper."""
    patient = client.options(request_timeout=120)
    helpers.bulk(patient, actions, chunk_size=SHIP_EVENTS, max_chunk_bytes=1 << 28, refresh=True)


def _sizes(client: httpx.Client, segments: EmbeddedStore, settings: ElasticSettings, process: psutil.Process) -> None:
    here = segments.stats()
    ours = _merged(client, f"{settings.index}-*")
    print(
        f"bytes/event: segments {here.bytes_per_event:.1f}; our index {ours:.0f}, {ours / here.bytes_per_event:.1f} ×"
    )
    for name, more in _PLAIN.items():
        client.put(f"/plain-{name}", json=_body(more)).raise_for_status()
        maker = Maker(here.oldest or 0)
        _fill(client, f"plain-{name}", decode(maker.rows(PLAIN).table))
        size = _merged(client, f"plain-{name}")
        print(f"bytes/event: plain index, {name} {size:.0f}, {size / here.bytes_per_event:.1f} ×")
    print(f"node, memory: {process.memory_info().rss >> 20} MB", flush=True)


def _body(more: Mapping[str, str]) -> dict[str, Any]:
    analysis = {"normalizer": {"low": {"type": "custom", "filter": ["lowercase"]}}}
    dynamic = [
        {"addresses": {"match": "*.ip", "match_mapping_type": "string", "mapping": {"type": "ip"}}},
        {"texts": {"match_mapping_type": "string", "mapping": _TEXT}},
    ]
    fields = {"@timestamp": {"type": "date"}, "host.name": {"type": "keyword"}}
    return {
        "settings": {"number_of_shards": 1, "number_of_replicas": 0, "analysis": analysis, **more},
        "mappings": {"date_detection": False, "dynamic_templates": dynamic, "properties": fields},
    }


def _fill(client: httpx.Client, index: str, events: Sequence[Event]) -> None:
    for at in range(0, len(events), 5000):
        lines: list[bytes] = []
        for event in events[at : at + 5000]:
            moment = event["@timestamp"]
            assert isinstance(moment, int)
            lines += [b'{"create":{}}', orjson.dumps({**event, "@timestamp": date(moment)})]
        answer = client.post(
            f"/{index}/_bulk",
            content=b"\n".join([*lines, b""]),
            headers={"content-type": "application/x-ndjson"},
            timeout=120,
        ).raise_for_status()
        assert not answer.json()["errors"], answer.text[:1000]


def _merged(client: httpx.Client, indices: str) -> float:
    """Merge indices into one segment each and return their bytes for one event."""
    client.post(f"/{indices}/_forcemerge?max_num_segments=1&flush=true", timeout=1200).raise_for_status()
    client.post(f"/{indices}/_refresh", timeout=120).raise_for_status()
    found = client.get(f"/{indices}/_stats/store,docs").raise_for_status().json()["_all"]["primaries"]
    return float(found["store"]["size_in_bytes"] / found["docs"]["count"])


def _asked(client: httpx.Client, settings: ElasticSettings, root: Path, process: psutil.Process) -> None:
    """Ask both stores the same, in turn."""
    here = EmbeddedReader(root / "beside-cluster", timeout_seconds=120)
    there = ElasticReader(settings, root / "spool.db")
    stats = here.stats()
    assert stats.oldest is not None
    assert stats.newest is not None
    ends = stats.oldest, stats.newest + 1

    def clear() -> None:
        client.post(f"/{settings.index}-*/_cache/clear").raise_for_status()

    pairs: Iterable[tuple[tuple[str, Callable[[], object]], tuple[str, Callable[[], object]]]]
    pairs = zip(questions(here, *ends), questions(there, *ends), strict=True)
    for (name, one), (_, other) in pairs:
        assert name in SAMPLED or _same(one(), other()), name
        ours = cost(one, time.process_time, lambda: forget(root / "beside-cluster"))
        theirs = cost(other, _cpu(process), clear)
        if ours is None or theirs is None:
            print(f"{name:<36} segments: {told(ours)}; cluster: {told(theirs)}")
            continue
        ratios = f"{theirs.warm / ours.warm:.2f} wall, {theirs.cpu / max(ours.cpu, 0.1):.2f} CPU"
        print(f"{name:<36} segments: {told(ours)}; cluster: {told(theirs)}; cluster : segments {ratios}", flush=True)
    here.close()
    there.close()


def _same(one: object, other: object) -> bool:
    """Return whether two stores answer alike; pages tell besides how much they looked through."""
    pages = [getattr(answer, "events", answer) for answer in (one, other)]
    return bool(pages[0] == pages[1])

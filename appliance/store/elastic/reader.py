"""The cluster's reader: the questions of `Store`, answered as the embedded store answers them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from appliance import clock
from appliance.normalise.model import Event, Value
from appliance.search import Field, Fields, Kind, Node, QueryError, parse
from appliance.search.fold import fold
from appliance.search.nodes import Everything, Exists, Leaf, Or, Pattern, Wild
from appliance.settings import ElasticSettings
from appliance.store import nearby, processes
from appliance.store.bounds import Bounds, current
from appliance.store.elastic.clauses import Clause, all_of, any_of, none_of
from appliance.store.elastic.client import asking, connect
from appliance.store.elastic.compile import Compiled, compile_node
from appliance.store.elastic.groups import Grouping
from appliance.store.elastic.mapping import NAMES, TIME
from appliance.store.elastic.questions import Answer, Asked, Questions, cursor_of
from appliance.store.elastic.retention import listed
from appliance.store.elastic.spool import Spool, waiting
from appliance.store.elastic.tops import FIRST, LARGEST, Tally, aggregations, columns_of, tally_of, uncounted
from appliance.store.missing import Damaged
from appliance.store.model import (
    BatchResult,
    Bucket,
    Cursor,
    DayUsage,
    Group,
    Groups,
    Measure,
    Page,
    ProcessTree,
    Run,
    Stats,
    Usage,
    Waiting,
)
from appliance.store.reader import MAX_BUCKETS, MAX_GROUP_FIELDS, MAX_LIMIT, MAX_MEASURES, MAX_TOP
from appliance.store.tree import tree

NAMES_SECONDS = 30.0
"""How long the names outside the schema are remembered."""
MAX_NAMES = 10_000
NUMBERS = (Kind.LONG, Kind.DATE)
SAMPLE = 5000
"""Newest events that are looked at one by one for suggestions."""
STATS_SECONDS = 5.0
"""How long a page about the box waits for the size of the history."""


class ElasticReader:
    """Answers questions to the indices of one cluster. May be used by several threads at once.

    `spool` is the file in which this box's writer keeps what waits.
    """

    def __init__(self, settings: ElasticSettings, spool: Path, *, now: Callable[[], int] = clock.now) -> None:
        self._now, self._prefix = now, settings.index
        self._questions = Questions(connect(settings), f"{settings.index}-*", settings.timeout_seconds)
        self._spool = Spool(spool, settings.spool_bytes)
        self._lock = threading.Lock()
        self._fields: tuple[float, Fields] | None = None

    def fields(self) -> Fields:
        """Return the names that a query may use: the schema's and those of stored events, known for half a minute."""
        with self._lock:
            known = self._fields
        if known is not None and time.monotonic() - known[0] < NAMES_SECONDS:
            return known[1]
        return self._refreshed()

    def _refreshed(self) -> Fields:
        terms = {"field": NAMES, "size": MAX_NAMES}
        answer = self._questions.ask(self._questions.limits(), size=0, aggs={"names": {"terms": terms}})
        buckets = answer.get("aggregations", {}).get("names", {}).get("buckets", ())
        fields = Fields(frozenset(bucket["key"] for bucket in buckets))
        with self._lock:
            self._fields = time.monotonic(), fields
        return fields

    def search(
        self,
        query: Node | str,
        start: int | None = None,
        end: int | None = None,
        limit: int = 50,
        after: Cursor | str | None = None,
        *,
        descending: bool = True,
    ) -> Page:
        """Return at most `limit` (1000) events that answer a query, ordered by time and id.

        `after` is the `next` of the page before. Raises QueryError, QueryTimeout, StoreUnavailable, and ValueError
        for a bad cursor.
        """
        asked = Asked(self._node(query), start, end, descending)
        cursor = Cursor.parse(after) if isinstance(after, str) else after
        limit = max(1, min(limit, MAX_LIMIT))
        if asked.empty:
            return Page([], None, 0)
        limits = self._questions.limits()
        wide = compile_node(asked.node).wide
        found: list[Event] = []
        for part in asked.after(cursor).slices(self._now()):
            wanted = limit + 1 - len(found)
            clause = all_of([part.when, wide])
            found += islice(self._questions.matching(limits, part, clause, cursor, wanted), wanted)
            if len(found) > limit:
                break
        more, found = len(found) > limit, found[:limit]
        last = str(cursor_of(found[-1])) if more else None
        return Page(found, last, self._scanned(limits, asked))

    def _scanned(self, limits: Bounds, asked: Asked) -> int:
        answer = self._questions.ask(limits, size=0, query=asked.when, track_total_hits=True)
        return int(answer["hits"]["total"]["value"])

    def between(self, start: int, end: int, limit: int) -> list[Event] | None:
        """Return all events of a range of time by time and id; None when there are more than `limit`."""
        asked = Asked(Everything(), start, end, descending=False)
        if asked.empty:
            return []
        found: list[Event] = []
        for event in self._questions.matching(self._questions.limits(), asked, asked.when):
            found.append(event)
            if len(found) > limit:
                return None
        return found

    def count(self, query: Node | str, start: int | None = None, end: int | None = None) -> int:
        """Return how many events answer a query."""
        asked = Asked(self._node(query), start, end)
        decided, doubtful = self._split(asked, {})
        return int(decided["doc_count"]) + sum(1 for _ in doubtful)

    def histogram(self, query: Node | str, start: int, end: int, buckets: int) -> list[Bucket]:
        """Return the counts in `buckets` (at most 2000) equal parts of the time range, empty ones too.

        Raises ValueError for a range or number of buckets that is not positive.
        """
        if end <= start or not 0 < buckets <= MAX_BUCKETS:
            raise ValueError(f"histogram of {buckets} buckets from {start} to {end}")
        width = -(-(end - start) // buckets)
        edges = [start + at * width for at in range(buckets + 1)]
        ranges = [{"from": low, "to": high} for low, high in pairwise(edges)]
        parts = {"parts": {"range": {"field": TIME, "ranges": ranges}}}
        decided, doubtful = self._split(Asked(self._node(query), start, end), parts)
        counts = [int(one["doc_count"]) for one in decided["parts"]["buckets"]] if "parts" in decided else [0] * buckets
        for event in doubtful:
            moment = event["@timestamp"]
            assert isinstance(moment, int)
            counts[(moment - start) // width] += 1
        return [Bucket(low, count) for low, count in zip(edges, counts, strict=False)]

    def top(
        self, query: Node | str, field: str, n: int = 20, start: int | None = None, end: int | None = None
    ) -> list[tuple[Value, int]]:
        """Return the `n` (at most 1000) most frequent values of a field and how many events have each.

        Equal counts are ordered by the value's text. A short name with several fields counts each of them.
        """
        asked, wanted = Asked(self._node(query), start, end), self._resolved(field)
        return self._most(asked, wanted, max(1, min(n, MAX_TOP)))[0]

    def _most(
        self, asked: Asked, wanted: Sequence[Field], n: int, prefix: str = "", sample: int | None = None
    ) -> tuple[list[tuple[Value, int]], bool]:
        """Return frequent values that begin so (folded), and whether no other can be among them.

        `sample` bounds the events that are looked at one by one, the newest first.
        """
        places, size = columns_of(wanted, prefix), max(FIRST, 4 * n)
        decided, doubtful = self._split(asked, aggregations(places, size), uncounted(wanted))
        beside = tally_of(islice(doubtful, sample), wanted, prefix)
        while True:
            best, sure = Tally.read(places, decided, prefix).best(beside, n)
            if sure or size >= LARGEST:
                return best, sure
            size = min(size * 8, LARGEST)
            decided, _ = self._split(asked, aggregations(places, size), uncounted(wanted))

    def values(
        self, field: str, prefix: str = "", n: int = 20, start: int | None = None, end: int | None = None
    ) -> list[tuple[Value, int]]:
        """Return the `n` (at most 1000) most frequent values of a field whose text begins so, any case.

        What the engine does not count is taken of the newest events alone.
        """
        wanted, folded = self._resolved(field), fold(prefix)
        node = Or(tuple(Leaf((one,), _beginning(one, folded)) for one in wanted))
        return self._most(Asked(node, start, end), wanted, max(1, min(n, MAX_TOP)), folded, SAMPLE)[0]

    def group(
        self,
        query: Node | str,
        by: Sequence[str],
        measures: Sequence[Measure] = (),
        *,
        n: int = 100,
        start: int | None = None,
        end: int | None = None,
    ) -> Groups:
        """Return the `n` (at most 1000) largest groups of events with the same values of up to 4 fields.

        See appliance/store/elastic/groups.py. Raises ValueError for no or too many fields or measures (8), and
        QueryTooLarge.
        """
        if not 0 < len(by) <= MAX_GROUP_FIELDS or len(measures) > MAX_MEASURES:
            raise ValueError(f"groups by {len(by)} fields with {len(measures)} measures")
        asked, n = Asked(self._node(query), start, end), max(1, min(n, MAX_TOP))
        fields = [self._resolved(name) for name in by]
        if not measures and len(fields) == 1 and len(fields[0]) == 1:
            # The engine counts these by itself, entries too.
            best, sure = self._most(asked, fields[0], n + 1)
            if sure:
                return Groups([Group((value,), count) for value, count in best[:n]], more=len(best) > n)  # type: ignore[arg-type]  # no value of an element is a list
        measured = [(one, self._resolved(one.field)) for one in measures]
        return Grouping(self._questions, asked, fields, measured).run(n)

    def _split(
        self, asked: Asked, inner: dict[str, Any], doubts: Sequence[Clause] = ()
    ) -> tuple[Answer, Iterable[Event]]:
        """Return what the engine counts by itself, and the events that were decided one by one."""
        if asked.empty:
            return {"doc_count": 0}, ()
        limits, compiled = self._questions.limits(), compile_node(asked.node)
        doubt = any_of([compiled.doubt, *doubts])
        clause = all_of([asked.when, compiled.wide])
        answer = self._questions.ask(
            limits, size=0, track_total_hits=False, query=clause, aggs=_two(compiled, doubt, inner)
        )
        if "aggregations" not in answer:
            return {"doc_count": 0}, ()
        told = answer["aggregations"]
        if not told["doubt"]["doc_count"]:
            return told["decided"], ()
        return told["decided"], self._questions.matching(limits, asked, all_of([clause, doubt]))

    def get(self, event_id: str, at: int | None = None) -> Event | None:
        """Return one event or None; with its time `at` only the indices of that moment are looked at."""
        if len(event_id) != 32 or set(event_id) - set("0123456789abcdef"):
            return None
        asked = Asked(Everything(), at, None if at is None else at + 1)
        if asked.empty:
            return None
        clause = all_of([asked.when, {"ids": {"values": [event_id]}}])
        found = self._questions.hits(self._questions.limits(), asked, clause, 1, None)
        return found[0] if found else None

    def around(self, event_id: str, micros: int, limit: int = 100, at: int | None = None) -> list[Event]:
        """Return at most `limit` events of the same host, at most `micros` away from an event, by time."""
        return nearby.around(self, event_id, micros, limit, at)

    def process_chain(self, event: Event, depth: int = 20) -> list[Event]:
        """Return the process starts above an event, nearest first, at most `depth` (50)."""
        return processes.chain(self, event, depth)

    def process_children(self, event: Event, limit: int = 100) -> list[Event]:
        """Return the process starts right below the process of an event, by time."""
        return processes.children(self, event, limit)

    def process_tree(self, event: Event, up: int = 20, down: int = 5, limit: int = 200) -> ProcessTree:
        """Return the processes around that of an event, at most 50 generations each way and 500 in all."""
        return tree(self, event, up, down, limit)

    def results(self, seqs: Sequence[int]) -> dict[int, BatchResult]:
        """Return the results of those batches that have been applied."""
        return self._spool.results(seqs)

    def stats(self) -> Stats:
        """Return the size of the store: what is in the cluster, without what still waits here."""
        questions, ends = self._questions, {"low": {"min": {"field": TIME}}, "high": {"max": {"field": TIME}}}
        limits = current().within(STATS_SECONDS)
        with asking():
            told = questions.client.options(request_timeout=limits.left()).indices.stats(
                index=questions.indices, metric=["docs", "store"], level="indices"
            )
        answer = questions.ask(limits, size=0, track_total_hits=False, aggs=ends)
        low, high = (answer.get("aggregations", {}).get(name, {}).get("value") for name in ("low", "high"))
        docs = told["_all"]["primaries"].get("docs", {}).get("count", 0)
        size = told["_all"]["total"].get("store", {}).get("size_in_bytes", 0)
        return Stats(docs, size, len(told["indices"]), *(None if one is None else int(one) for one in (low, high)))

    def damaged(self, start: int | None = None, end: int | None = None) -> list[Damaged]:  # noqa: ARG002 - the interface's
        """Return nothing: a cluster answers whole or not at all."""
        return []

    def usage(self) -> Usage:
        """Return what the cluster has by day and class; what is in indices of all classes has none."""
        limits = current().within(STATS_SECONDS)
        with asking():
            found = listed(self._questions.client, self._prefix, limits.left())
        gone = self._spool.deletions()
        last = Run(gone[-1].at, {"events": sum(one.events for one in gone if one.at == gone[-1].at)}) if gone else None
        return Usage([DayUsage(one.day, one.source_class, one.events, one.bytes) for one in found], None, last)

    def waiting(self) -> Waiting:
        """Return what waits for the cluster; answers while the cluster is away."""
        return waiting(self._spool)

    def close(self) -> None:
        """Close the connections."""
        self._questions.client.close()
        self._spool.close()

    def _node(self, query: Node | str) -> Node:
        if not isinstance(query, str):
            return query
        try:
            return parse(query, self.fields(), self._now)
        except QueryError:
            # A name that came a moment ago is not known yet.
            return parse(query, self._refreshed(), self._now)

    def _resolved(self, field: str) -> tuple[Field, ...]:
        try:
            return self.fields().resolve(field)
        except QueryError:
            return self._refreshed().resolve(field)


def _beginning(field: Field, prefix: str) -> Pattern | Exists:
    """Return what the events of values that begin so have; the beginnings of numbers are no question for an engine."""
    return Pattern((prefix, Wild.MANY), inside=False) if prefix and field.kind not in NUMBERS else Exists()


def _two(compiled: Compiled, doubt: Clause, inner: dict[str, Any]) -> dict[str, Any]:
    decided = {"filter": all_of([compiled.sure, none_of(doubt)])}
    return {"decided": {**decided, "aggs": inner} if inner else decided, "doubt": {"filter": doubt}}

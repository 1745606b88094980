"""The embedded store's reader: questions over the segments that the manifest names, from any process."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from appliance import clock
from appliance.normalise.model import Event, Value
from appliance.search import Field, Fields, Kind, Node, parse
from appliance.search.fold import fold
from appliance.search.nodes import Everything, Exact, Exists, Leaf, Or, Pattern, Wild
from appliance.store import nearby, processes
from appliance.store.asked import Asked, chunk_of, settled
from appliance.store.asking import Asking
from appliance.store.damage import Aside
from appliance.store.engine import Engine, FileGone
from appliance.store.groups import GroupQuery, groups
from appliance.store.indexes import LINKED
from appliance.store.manifest import Manifest, Segment
from appliance.store.missing import Damaged, SegmentDamaged
from appliance.store.model import (
    BatchResult,
    Bucket,
    Cursor,
    Groups,
    Measure,
    Page,
    ProcessTree,
    Stats,
    StoreUnavailable,
    Usage,
    Waiting,
)
from appliance.store.passes import Pass
from appliance.store.picking import Hit, Picking, hit_of
from appliance.store.shape import ID, ID_COLUMN, TIME_COLUMN, decode, scalar
from appliance.store.sketches import Sketches
from appliance.store.sql import Compiler, quoted
from appliance.store.tree import tree
from appliance.store.values import frequent

MAX_LIMIT = 1000
MAX_BUCKETS = 2000
MAX_TOP = 1000
MAX_GROUP_FIELDS = 4
MAX_MEASURES = 8
FIRST_ROWS = 300_000
"""Rows that a search looks through before it decides whether older segments are needed."""
SAMPLE_ROWS = 500_000
"""Newest rows in which values are counted for suggestions."""
TIMEOUT_SECONDS = 20.0
_TRIES = 4
_TIME, _ID = quoted(TIME_COLUMN), quoted(ID_COLUMN)
_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1
T = TypeVar("T")


class EmbeddedReader:
    """Answers questions to one folder of segments. May be used by several threads at once."""

    def __init__(
        self, folder: Path, timeout_seconds: float = TIMEOUT_SECONDS, *, now: Callable[[], int] = clock.now
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder, self._now = folder, now
        self._manifest = Manifest(folder, writer=False)
        self._lock = threading.Lock()
        self._aside = Aside(folder, self._manifest, now)
        self._engine = Engine(folder, timeout_seconds)
        self._sketches = Sketches(folder)
        self._picking = Picking(folder, self._sketches)
        self._asking = Asking(folder, self._engine, self._sketches)
        self._fields: tuple[int, Fields] | None = None

    def fields(self) -> Fields:
        """Return the names that a query may use: the schema's and those of stored events."""
        with self._lock:
            version = self._manifest.version()
            if self._fields is None or self._fields[0] != version:
                names = self._manifest.names
                self._fields = version, Fields(frozenset(names.days()), every=not names.whole())
            return self._fields[1]

    def search(
        self,
        query: Node | str,
        start: int | None = None,
        end: int | None = None,
        limit: int = 50,
        after: Cursor | str | None = None,
        *,
        descending: bool = True,
        only: frozenset[str] = frozenset(),
    ) -> Page:
        """Return at most `limit` (1000) events that answer a query, ordered by time and id.

        `after` is the `next` of the page before. With `only`, events may lack other fields than these, id and
        time. Raises QueryError, QueryTimeout, StoreUnavailable, and ValueError for a bad cursor.
        """
        node = self._node(query)
        cursor = Cursor.parse(after) if isinstance(after, str) else after
        limit = max(1, min(limit, MAX_LIMIT))
        if cursor:
            start, end = cursor.left(start, end, descending=descending)
        asked = Asked(node, start, end, limit, cursor, descending, only)
        return self._retried(lambda: self._search(asked))

    def _search(self, asked: Asked) -> Page:
        found = self._segments(asked.start, asked.end)
        waiting = sorted(found, key=lambda one: -one.max_time if asked.descending else one.min_time)
        used: list[Segment] = []
        hits: list[Hit] = []
        picked: dict[Hit, Event] = {}
        rows = FIRST_ROWS
        while waiting and not settled(hits, asked, waiting[0]):
            chunk = chunk_of(waiting, rows)
            waiting, rows = waiting[len(chunk) :], rows * 2
            some, left = self._picking.hits(asked, chunk)
            without = {one.id for one in left if not self._sketches.may_hold(one, asked.node)}
            used += [one for one in chunk if one.id not in without]
            picked |= some if asked.only else {}
            hits += [*some, *self._asking.hits(asked, [one for one in left if one.id not in without])]
            hits = sorted(hits, reverse=asked.descending)[: asked.limit + 1]
        more, hits = len(hits) > asked.limit, hits[: asked.limit]
        last = str(Cursor(hits[-1][0], hits[-1][1].hex())) if more else None
        events = picked | self._asking.fetch(used, [hit for hit in hits if hit not in picked], asked.only)
        return Page([events[hit] for hit in hits], last, sum(segment.rows for segment in used))

    def sparing(
        self, query: Node, start: int, end: int, limit: int, after: str | None = None, *, descending: bool = True
    ) -> Page:
        """Return events as `search` does, that may lack all fields but id, time and those by which processes join."""
        return self.search(query, start, end, limit, after, descending=descending, only=LINKED)

    def whole(self, events: Sequence[Event]) -> list[Event]:
        """Return found events with all their fields, in the same order; one that is gone by now as it is."""
        hits = {hit_of(event): event for event in events}
        if not hits:
            return []
        start, end = min(hits)[0], max(hits)[0] + 1
        found = self._retried(lambda: self._asking.fetch(self._segments(start, end), list(hits)))
        return [found.get(hit, event) for hit, event in hits.items()]

    def between(self, start: int, end: int, limit: int) -> list[Event] | None:
        """Return all events of a range of time by time and id; None when there are more than `limit`."""
        return self._retried(lambda: self._between(start, end, limit))

    def _between(self, start: int, end: int, limit: int) -> list[Event] | None:
        segments = self._segments(start, end)
        if not segments:
            return []
        sql = Compiler.of(segments)
        where = f"{_TIME} >= {sql.bind(start)} AND {_TIME} < {sql.bind(end)}"
        table = self._asking.run(
            f"SELECT * FROM {self._asking.source(sql, segments)} WHERE {where} LIMIT {limit + 1}",  # noqa: S608 - names are ours, values are bound
            sql,
            segments,
        )
        if table.num_rows > limit:
            return None
        return decode(table.sort_by([(TIME_COLUMN, "ascending"), (ID_COLUMN, "ascending")]))

    def columns(self, query: Node | str, start: int | None = None, end: int | None = None) -> Pass:
        """Return each event once that answers a query, and perhaps others, part by part (appliance/store/passes.py)."""
        asked = Asked(self._node(query), start, end)
        return Pass(self._folder, lambda: self._holding(asked), self._put_aside, start, end)

    def count(self, query: Node | str, start: int | None = None, end: int | None = None) -> int:
        """Return how many events answer a query."""
        asked = Asked(self._node(query), start, end)
        return self._retried(lambda: self._count(asked))

    def _count(self, asked: Asked) -> int:
        segments = self._segments(asked.start, asked.end)
        low = _LOWEST if asked.start is None else asked.start
        high = _HIGHEST if asked.end is None else asked.end - 1
        whole = 0
        if isinstance(asked.node, Everything):
            inside = {one.id for one in segments if low <= one.min_time and one.max_time <= high}
            whole = sum(one.rows for one in segments if one.id in inside)
            segments = [one for one in segments if one.id not in inside]
        some, left = self._picking.count(asked, segments)
        return whole + some + self._asking.count(asked, self._may(asked, left))

    def histogram(self, query: Node | str, start: int, end: int, buckets: int) -> list[Bucket]:
        """Return the counts in `buckets` (at most 2000) equal parts of the time range, empty ones too.

        Raises ValueError for a range or number of buckets that is not positive.
        """
        if end <= start or not 0 < buckets <= MAX_BUCKETS:
            raise ValueError(f"histogram of {buckets} buckets from {start} to {end}")
        asked = Asked(self._node(query), start, end)
        width = -(-(end - start) // buckets)
        counts = self._retried(lambda: self._histogram(asked, start, width))
        return [Bucket(start + at * width, counts.get(at, 0)) for at in range(buckets)]

    def _histogram(self, asked: Asked, start: int, width: int) -> Counter[int]:
        some, left = self._picking.histogram(asked, self._segments(asked.start, asked.end), start, width)
        return Counter(some) + Counter(self._asking.histogram(asked, self._may(asked, left), start, width))

    def top(
        self, query: Node | str, field: str, n: int = 20, start: int | None = None, end: int | None = None
    ) -> list[tuple[Value, int]]:
        """Return the `n` (at most 1000) most frequent values of a field and how many events have each.

        Equal counts are ordered by the value's text. A short name with several fields counts each of them.
        """
        asked, wanted = Asked(self._node(query), start, end), self.fields().resolve(field)
        return self._retried(lambda: self._top(asked, wanted, max(1, min(n, MAX_TOP))))

    def _top(self, asked: Asked, wanted: Sequence[Field], n: int) -> list[tuple[Value, int]]:
        segments = self._holding(asked)
        return self._valued(asked, wanted, segments, n)

    def _valued(
        self, asked: Asked, wanted: Sequence[Field], segments: Sequence[Segment], n: int, prefix: str = ""
    ) -> list[tuple[Value, int]]:
        sql = Compiler.of(segments)
        statement = frequent(
            sql, self._asking.source(sql, segments), self._asking.where(sql, asked, segments), wanted, n, prefix=prefix
        )
        if statement is None:
            return []
        rows = self._asking.run(statement, sql, segments).to_pylist()
        return [(scalar(row["k"], row["v"]), row["c"]) for row in rows]

    def values(
        self, field: str, prefix: str = "", n: int = 20, start: int | None = None, end: int | None = None
    ) -> list[tuple[Value, int]]:
        """Return the `n` (at most 1000) most frequent values of a field whose text begins so, any case.

        They are counted in the newest events of the time alone (half a million), so that it takes no longer with years.
        """
        wanted, folded = self.fields().resolve(field), fold(prefix)
        test = Pattern((folded, Wild.MANY), inside=False) if folded else Exists()
        asked = Asked(Or(tuple(Leaf((one,), test) for one in wanted)), start, end)
        return self._retried(lambda: self._values(asked, wanted, max(1, min(n, MAX_TOP)), folded))

    def _values(self, asked: Asked, wanted: Sequence[Field], n: int, prefix: str) -> list[tuple[Value, int]]:
        newest = sorted(self._holding(asked), key=lambda one: -one.max_time)
        return self._valued(asked, wanted, chunk_of(newest, SAMPLE_ROWS), n, prefix) if newest else []

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

        See appliance/store/groups.py. Raises ValueError for no or too many fields or measures (8).
        """
        if not 0 < len(by) <= MAX_GROUP_FIELDS or len(measures) > MAX_MEASURES:
            raise ValueError(f"groups by {len(by)} fields with {len(measures)} measures")
        known, n = self.fields(), max(1, min(n, MAX_TOP))
        fields = [known.resolve(name) for name in by]
        measured = [(one, known.resolve(one.field)) for one in measures]
        asked = Asked(self._node(query), start, end)
        return self._retried(lambda: self._group(asked, fields, measured, n))

    def _group(
        self,
        asked: Asked,
        by: Sequence[Sequence[Field]],
        measured: Sequence[tuple[Measure, Sequence[Field]]],
        n: int,
    ) -> Groups:
        segments = self._holding(asked)
        if not segments:
            return Groups([], more=False)
        sql = Compiler.of(segments)
        statement = GroupQuery(sql, self._asking.source(sql, segments), self._asking.where(sql, asked, segments)).text(
            by, measured, n
        )
        table = self._asking.run(statement, sql, segments)
        return groups(table, len(by), [measure for measure, _ in measured], n)

    def get(self, event_id: str, at: int | None = None) -> Event | None:
        """Return one event or None; with its time `at` only the segments of that moment are looked at."""
        if len(event_id) != 32 or set(event_id) - set("0123456789abcdef"):
            return None
        end = None if at is None else at + 1
        found = self.search(Leaf((Field(ID, Kind.KEYWORD),), Exact(event_id)), at, end, 1).events
        return found[0] if found else None

    def around(self, event_id: str, micros: int, limit: int = 100, at: int | None = None) -> list[Event]:
        """Return at most `limit` events of the same host, at most `micros` away from an event, by time.

        The nearest are taken from both sides alike; the event itself is among them. Empty for an unknown id.
        """
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
        with self._lock:
            return self._manifest.results(seqs)

    def stats(self) -> Stats:
        """Return the size of the store."""
        with self._lock:
            return self._manifest.stats()

    def waiting(self) -> Waiting | None:
        """Return None: nothing waits, what is written is here."""
        return None

    def usage(self) -> Usage:
        """Return what the store has by day and class."""
        with self._lock:
            return self._manifest.usage()

    def damaged(self, start: int | None = None, end: int | None = None) -> list[Damaged]:
        """Return what of a time is missing from every answer, since it is damaged."""
        with self._lock:
            return self._aside.told(start, end)

    def close(self) -> None:
        """Let go of the engine and the manifest."""
        self._engine.close()
        with self._lock:
            self._manifest.close()

    def _node(self, query: Node | str) -> Node:
        return parse(query, self.fields(), self._now) if isinstance(query, str) else query

    def _segments(self, start: int | None, end: int | None) -> list[Segment]:
        with self._lock:
            return self._aside.left(self._manifest.segments(start, end))

    def _holding(self, asked: Asked) -> list[Segment]:
        """Return the segments of a question's time that can answer it."""
        return self._may(asked, self._segments(asked.start, asked.end))

    def _may(self, asked: Asked, segments: Sequence[Segment]) -> list[Segment]:
        return [one for one in segments if self._sketches.may_hold(one, asked.node)]

    def _put_aside(self, error: SegmentDamaged) -> bool:
        with self._lock:
            return self._aside.put(error)

    def _retried(self, question: Callable[[], T]) -> T:
        """Ask again when a file went away: the manifest names the one in its place; and without what is damaged."""
        tries = 0
        while True:
            try:
                return question()
            except (FileGone, SegmentDamaged) as error:
                if isinstance(error, SegmentDamaged) and self._put_aside(error):
                    continue
                tries += 1
                if tries == _TRIES:
                    raise StoreUnavailable(str(error)) from error

"""Questions that the indexes of segments answer with rows: those are read, and nothing else of the segment.

An index may name rows too many, so each is held against the question by the reference evaluator. Segments without an
index that tells something of a question, or with one that tells too much, are left to the engine.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from appliance.normalise.model import Event
from appliance.search import Field, Node, matches
from appliance.search.evaluate import APART
from appliance.search.nodes import And, Everything, Exact, Leaf, Or, Pattern
from appliance.store import appendix, bounds, links, words
from appliance.store.asked import Asked, named, spared
from appliance.store.columnar import Places
from appliance.store.columns import opened
from appliance.store.engine import FileGone
from appliance.store.grams import TEXTS
from appliance.store.manifest import Segment
from appliance.store.processes import START
from appliance.store.shape import ARROW, ID_COLUMN, TIME_COLUMN, decode, split
from appliance.store.sketches import Range, Sketches

MOST_BYTES = 32 << 20
"""Of indexes in memory."""
MOST_ROWS = 4096
"""Rows of a segment that are read one by one; with more the engine is faster."""
_WORD = re.compile(r"[a-z]{3,}")
Hit = tuple[int, bytes]
"""Time and id of an event."""
LINKED = frozenset(split(column)[0] for column in (links.HOST, *links.COLUMNS))
"""The fields by which processes are joined."""


@dataclass(frozen=True, slots=True)
class _Around:
    """What the parts of a question around one of them say: the host, and that it is about starts of processes."""

    host: str | None = None
    starts: bool = False


class Picking:
    """The indexes of one folder of segments; may be used by several threads."""

    def __init__(self, folder: Path, sketches: Sketches) -> None:
        self._folder, self._sketches = folder, sketches
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], bytes | None] = OrderedDict()
        self._size = 0

    def hits(self, asked: Asked, segments: Sequence[Segment]) -> tuple[dict[Hit, Event], list[Segment]]:
        """Return the events that some of the segments have for a search, about `limit` of each, and the other segments.

        The events have the fields that the question looks at and those of `only`. Raises FileGone and QueryTimeout.
        """
        found: dict[Hit, Event] = {}
        left: list[Segment] = []
        for segment in segments:
            exact = None if asked.only else self._exact(segment, asked.node)
            rows = self._near(segment, asked) if exact is None else exact
            if rows is None:
                left.append(segment)
            else:
                some = self._of_segment(asked, segment, rows, sure=exact is not None)
                found.update(islice(some, asked.limit + 1))
        return found, left

    def count(self, asked: Asked, segments: Sequence[Segment]) -> tuple[int, list[Segment]]:
        """Return how many events of some of the segments answer, and the other segments.

        Raises FileGone and QueryTimeout.
        """
        found = 0
        left: list[Segment] = []
        for segment in segments:
            exact = self._exact(segment, asked.node)
            if exact is not None:
                found += self._inside(segment, exact, asked)
            elif (rows := self._near(segment, asked)) is not None:
                found += sum(1 for _ in self._of_segment(asked, segment, rows, sure=False))
            else:
                left.append(segment)
        return found, left

    def _near(self, segment: Segment, asked: Asked) -> Places | None:
        """Return rows that may answer, None where that does not tell enough."""
        if not spared(segment, asked.node, asked.only):
            return None
        rows = self._rows(segment, asked.node)
        return rows if rows is not None and len(rows) <= MOST_ROWS else None

    def _of_segment(self, asked: Asked, segment: Segment, rows: Places, *, sure: bool) -> Iterator[tuple[Hit, Event]]:
        names = frozenset[str]() if sure else (named(asked.node) or frozenset()) | asked.only
        columns = [one for one in segment.columns if split(one)[0] in names or one in (TIME_COLUMN, ID_COLUMN)]
        for event in self._events(segment, rows, columns, descending=asked.descending):
            hit = hit_of(event)
            if _within(hit, asked) and (sure or matches(asked.node, event)):
                yield hit, event

    def histogram(
        self, asked: Asked, segments: Sequence[Segment], start: int, width: int
    ) -> tuple[dict[int, int], list[Segment]]:
        """Return how many events of some of the segments answer in each part of the time, and the other segments.

        Raises FileGone and QueryTimeout.
        """
        counts: dict[int, int] = defaultdict(int)
        left: list[Segment] = []
        for segment in segments:
            every = isinstance(asked.node, Everything) and self._sketches.of(segment).times
            rows = np.arange(segment.rows) if every else self._exact(segment, asked.node)
            if rows is None:
                left.append(segment)
                continue
            for group, inside, (low, high) in self._reaching(segment, rows, asked):
                first, last = (max(low, min(high, one)) for one in self._sketches.of(segment).times[group])
                if (first - start) // width == (last - start) // width:
                    counts[(first - start) // width] += self._between(segment, group, inside, (low, high))
                else:
                    times = self._times(segment, group)[inside]
                    parts = (times[(times >= low) & (times <= high)] - start) // width
                    for at, n in zip(*np.unique(parts, return_counts=True), strict=True):
                        counts[int(at)] += int(n)
        return counts, left

    def _inside(self, segment: Segment, rows: Places, asked: Asked) -> int:
        """Return how many of some rows happened in the time of a question."""
        reaching = self._reaching(segment, rows, asked)
        return sum(self._between(segment, group, inside, time) for group, inside, time in reaching)

    def _reaching(self, segment: Segment, rows: Places, asked: Asked) -> Iterator[tuple[int, Places, Range]]:
        """Yield row groups that reach into the time of a question, the places of rows in each, and that time."""
        low = segment.min_time if asked.start is None else asked.start
        high = segment.max_time if asked.end is None else asked.end - 1
        sketch = self._sketches.of(segment)
        for group, inside in _grouped(rows, sketch.sizes, descending=False):
            bounds.current().check()
            if sketch.times[group][0] <= high and low <= sketch.times[group][1]:
                yield group, inside, (low, high)

    def _between(self, segment: Segment, group: int, inside: Places, time: Range) -> int:
        """Return how many of some places of a row group happened in a time; it is read where it lies on its edge."""
        first, last = self._sketches.of(segment).times[group]
        if time[0] <= first and last <= time[1]:
            return len(inside)
        times = self._times(segment, group)[inside]
        return int(((times >= time[0]) & (times <= time[1])).sum())

    def _times(self, segment: Segment, group: int) -> Places:
        try:
            with opened(self._folder / segment.file) as file:
                table = file.read_row_group(group, columns=[TIME_COLUMN], use_threads=False)
                return np.asarray(table.column(0), np.int64)
        except (OSError, pa.ArrowException) as error:
            raise FileGone(str(error)) from error

    def _exact(self, segment: Segment, node: Node) -> Places | None:
        """Return the rows that answer a question, in order; None where the index of words cannot tell exactly."""
        match node:
            case And(children) | Or(children) if children:
                parts: list[Places] = []
                for child in children:
                    rows = self._exact(segment, child)
                    if rows is None:
                        return None
                    parts.append(rows)
                return reduce(np.intersect1d if isinstance(node, And) else np.union1d, parts)
            case Leaf((), Pattern(_, True) as test) if _WORD.fullmatch(test.literal or ""):
                return self._worded(segment, test.literal or "")
        return None

    def _worded(self, segment: Segment, text: str) -> Places | None:
        index = self._index(segment, words.NAME)
        rows = None if index is None else words.find(index, text)
        return None if rows is None else rows[rows < segment.rows]

    def _events(self, segment: Segment, rows: Places, columns: Sequence[str], *, descending: bool) -> Iterator[Event]:
        """Yield the events of rows by time, with the fields of some columns alone."""
        if not len(rows):
            return
        try:
            with opened(self._folder / segment.file) as file:
                for group, inside in _grouped(rows, self._sketches.of(segment).sizes, descending=descending):
                    bounds.current().check()
                    table = file.read_row_group(group, columns=list(columns), use_threads=False).take(pa.array(inside))
                    events = decode(
                        table.cast(pa.schema([(name, ARROW[split(name)[1]]) for name in table.column_names]))
                    )
                    yield from reversed(events) if descending else events
        except (OSError, pa.ArrowException) as error:
            raise FileGone(str(error)) from error

    def _rows(self, segment: Segment, node: Node, around: _Around = _Around()) -> Places | None:
        """Return the rows that may answer a question, in order; None where no index tells."""
        match node:
            case And(children):
                inner = _told(children, around)
                known = [rows for one in children if (rows := self._rows(segment, one, inner)) is not None]
                return reduce(np.intersect1d, known) if known else None
            case Or(children):
                parts = [self._rows(segment, one, around) for one in children]
                known = [rows for rows in parts if rows is not None]
                return reduce(np.union1d, known) if len(known) == len(parts) > 0 else None
            case Leaf(fields, Exact(value)) if around.host is not None and len(fields) == 1:
                return self._linked(segment, fields[0].name, value, around)
            case Leaf(fields, Pattern() as test) if fields and all(_texts(segment, field) for field in fields):
                known = [rows for one in _words_of(test) if (rows := self._worded(segment, one)) is not None]
                return reduce(np.intersect1d, known) if known else None
        return None

    def _linked(self, segment: Segment, name: str, value: str | int, around: _Around) -> Places | None:
        columns = [one for one in links.COLUMNS if split(one)[0] == name]
        if not columns or not _covered(segment) or not (around.starts or columns[0] in links.NAMES):
            return None
        index = self._index(segment, links.NAME)
        if index is None:
            return None
        rows = links.look_up(index, str(around.host), columns[0], value)
        return rows[rows < segment.rows]

    def _index(self, segment: Segment, name: str) -> bytes | None:
        """Return an index of a segment, None when it has none that is sound."""
        key = segment.file, name
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        place = self._sketches.of(segment).indexes.get(name)
        try:
            index = None if place is None else appendix.content(self._folder / segment.file, place)
        except OSError as error:
            raise FileGone(str(error)) from error
        with self._lock:
            self._keep(key, index)
        return index

    def _keep(self, key: tuple[str, str], index: bytes | None) -> None:
        self._size -= len(self._kept.pop(key, None) or b"")
        self._kept[key] = index
        self._size += len(index or b"")
        while self._size > MOST_BYTES and len(self._kept) > 1:
            self._size -= len(self._kept.popitem(last=False)[1] or b"")


def _texts(segment: Segment, field: Field) -> bool:
    """Return whether what columns have of a field are texts, among those that the index of words looks at."""
    kinds = {kind for name, kind in map(split, segment.columns) if name == field.name}
    return field.kind in TEXTS and field.name not in APART and kinds <= {"s"}


def _words_of(test: Pattern) -> list[str]:
    """Return words that each value found must have."""
    return [word for part in test.parts if isinstance(part, str) for word in _WORD.findall(part)]


def _told(children: Sequence[Node], around: _Around) -> _Around:
    """Add what the children of a conjunction say."""
    for child in children:
        match child:
            case Leaf((field,), Exact(str(host))) if split(links.HOST)[0] == field.name:
                around = replace(around, host=host)
            case _ if child == START:
                around = replace(around, starts=True)
    return around


def _covered(segment: Segment) -> bool:
    """Return whether what the index of starts looks at stands in its columns alone."""
    if segment.rest is None or segment.rest & LINKED:
        return False
    there = {column for column in segment.columns if split(column)[0] in LINKED}
    return there <= {links.HOST, *links.COLUMNS}


def _grouped(rows: Places, sizes: Sequence[int], *, descending: bool) -> Iterator[tuple[int, Places]]:
    """Yield row groups and the places in each, those with the first or last events first."""
    starts = np.cumsum([0, *sizes])
    groups = np.unique(np.searchsorted(starts, rows, side="right") - 1)
    for group in groups[::-1].tolist() if descending else groups.tolist():
        low, high = np.searchsorted(rows, starts[group : group + 2])
        yield group, rows[low:high] - starts[group]


def hit_of(event: Event) -> Hit:
    """Return time and id of an event."""
    moment = event["@timestamp"]
    assert isinstance(moment, int)
    return moment, bytes.fromhex(str(event["event.id"]))


def _within(hit: Hit, asked: Asked) -> bool:
    if (asked.start is not None and hit[0] < asked.start) or (asked.end is not None and hit[0] >= asked.end):
        return False
    if asked.after is None:
        return True
    after = asked.after.time, bytes.fromhex(asked.after.id)
    return hit < after if asked.descending else hit > after

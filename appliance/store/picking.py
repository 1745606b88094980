"""Questions that the indexes of segments answer with rows: those are read, and nothing else of the segment.

An index may name rows too many, so each is held against the question by the reference evaluator. Segments without an
index that tells something of a question, or with one that tells too much, are left to the engine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from appliance.normalise.model import Event
from appliance.search import matches
from appliance.search.nodes import Everything
from appliance.store import bounds
from appliance.store.asked import Asked, named
from appliance.store.columnar import Places
from appliance.store.columns import opened
from appliance.store.damage import reading
from appliance.store.indexes import Indexes
from appliance.store.manifest import Segment
from appliance.store.shape import ARROW, ID_COLUMN, TIME_COLUMN, decode, split
from appliance.store.sketches import Sketches

_LAST = (1 << 63) - 1
_EVER = 1 << 70
"""Microseconds that no time reaches."""
Hit = tuple[int, bytes]
"""Time and id of an event."""


class Picking:
    """Reads rows of one folder of segments. Its methods raise what `reading` does, and QueryTimeout."""

    def __init__(self, folder: Path, sketches: Sketches) -> None:
        self._folder, self._sketches = folder, sketches
        self._indexes = Indexes(folder, sketches)

    def hits(self, asked: Asked, segments: Sequence[Segment]) -> tuple[dict[Hit, Event], list[Segment]]:
        """Return the events that some of the segments have for a search, about `limit` of each, and the other segments.

        The events have the fields that the question looks at and those of `only`, or nothing but id and time.
        """
        found: dict[Hit, Event] = {}
        left: list[Segment] = []
        for segment in segments:
            some = self._found(asked, segment)
            if some is None:
                left.append(segment)
            else:
                found.update(islice(some, asked.limit + 1))
        return found, left

    def _found(self, asked: Asked, segment: Segment) -> Iterator[tuple[Hit, Event]] | None:
        exact = None if asked.only else self._indexes.exact(segment, asked.node)
        if exact is not None:
            return self._of_segment(asked, segment, exact, sure=True)
        near = self._indexes.near(segment, asked)
        return None if near is None else self._of_segment(asked, segment, near, sure=False)

    def _of_segment(self, asked: Asked, segment: Segment, rows: Places, *, sure: bool) -> Iterator[tuple[Hit, Event]]:
        names = frozenset[str]() if sure else (named(asked.node) or frozenset()) | asked.only
        columns = [one for one in segment.columns if split(one)[0] in names or one in (TIME_COLUMN, ID_COLUMN)]
        for event in self._events(segment, rows, columns, descending=asked.descending):
            hit = hit_of(event)
            if _within(hit, asked) and (sure or matches(asked.node, event)):
                yield hit, event

    def _events(self, segment: Segment, rows: Places, columns: Sequence[str], *, descending: bool) -> Iterator[Event]:
        """Yield the events of rows by time, with the fields of some columns alone."""
        if not len(rows):
            return
        with reading(self._folder, segment) as path, opened(path) as file:
            for group, inside in _grouped(rows, self._sketches.of(segment).sizes, descending=descending):
                bounds.current().check()
                table = file.read_row_group(group, columns=list(columns), use_threads=False).take(pa.array(inside))
                events = decode(table.cast(pa.schema([(name, ARROW[split(name)[1]]) for name in table.column_names])))
                yield from reversed(events) if descending else events

    def count(self, asked: Asked, segments: Sequence[Segment]) -> tuple[int, list[Segment]]:
        """Return how many events of some of the segments answer, and the other segments."""
        counts, left = self.histogram(asked, segments, -_EVER, 2 * _EVER)
        return counts.total(), left

    def histogram(
        self, asked: Asked, segments: Sequence[Segment], start: int, width: int
    ) -> tuple[Counter[int], list[Segment]]:
        """Return how many events of some of the segments answer in each part of the time, and the other segments."""
        counts: Counter[int] = Counter()
        left: list[Segment] = []
        for segment in segments:
            rows = self._sure(segment, asked)
            if rows is not None:
                counts += self._parted(segment, rows, asked, start, width)
            elif (near := self._indexes.near(segment, asked)) is not None:
                found = self._of_segment(asked, segment, near, sure=False)
                counts += Counter((time - start) // width for (time, _), _ in found)
            else:
                left.append(segment)
        return counts, left

    def _sure(self, segment: Segment, asked: Asked) -> Places | None:
        if isinstance(asked.node, Everything):
            return np.arange(segment.rows) if self._sketches.of(segment).times else None
        return self._indexes.exact(segment, asked.node)

    def _parted(self, segment: Segment, rows: Places, asked: Asked, start: int, width: int) -> Counter[int]:
        """Return how many of some rows happened in each part of the time; row groups in several parts are read."""
        low = segment.min_time if asked.start is None else asked.start
        high = segment.max_time if asked.end is None else asked.end - 1
        counts: Counter[int] = Counter()
        sketch = self._sketches.of(segment)
        with self._times(segment) as times:
            for group, inside in _grouped(rows, sketch.sizes, descending=False):
                bounds.current().check()
                first, last = max(low, sketch.times[group][0]), min(high, sketch.times[group][1])
                if (first, last) == sketch.times[group] and (first - start) // width == (last - start) // width:
                    counts[(first - start) // width] += len(inside)
                elif first <= last:
                    moments = times(group)[inside]
                    counts += _counted(moments[(moments >= low) & (moments <= high)], start, width)
        return counts

    @contextmanager
    def _times(self, segment: Segment) -> Iterator[Callable[[int], Places]]:
        """Give what reads the times of a row group; the first opens the file."""
        with ExitStack() as stack:
            files: list[Any] = []

            def times(group: int) -> Places:
                with reading(self._folder, segment) as path:
                    if not files:
                        files.append(stack.enter_context(pq.ParquetFile(path)))
                    column = files[0].read_row_group(group, columns=[TIME_COLUMN], use_threads=False).column(0)
                return np.asarray(column, np.int64)

            yield times


def _counted(moments: Places, start: int, width: int) -> Counter[int]:
    """Count moments, in order, by part."""
    counts: Counter[int] = Counter()
    at = 0
    while at < len(moments):
        part = (int(moments[at]) - start) // width
        last = min(start + (part + 1) * width - 1, _LAST)
        behind = int(np.searchsorted(moments, last, side="right"))
        counts[part], at = behind - at, behind
    return counts


def _grouped(rows: Places, sizes: Sequence[int], *, descending: bool) -> Iterator[tuple[int, Places]]:
    """Yield row groups and the places in each, those with the first or last events first."""
    starts = np.cumsum([0, *sizes])
    cuts = np.searchsorted(rows, starts)
    groups = np.flatnonzero(np.diff(cuts)).tolist()
    for group in reversed(groups) if descending else groups:
        yield group, rows[cuts[group] : cuts[group + 1]] - starts[group]


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

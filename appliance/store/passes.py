"""All events of a store as columns, each exactly once, beside a writer that merges segments meanwhile.

Merges stay within a day of arrival, and only small segments are merged. So the small ones of a day are opened together,
after which it is of no account what replaces them; a large one only ever disappears when its events are deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from appliance.store.columns import RowGroup, StoredColumns, opened
from appliance.store.compaction import mergeable
from appliance.store.damage import reading
from appliance.store.manifest import Segment
from appliance.store.missing import SegmentDamaged
from appliance.store.model import StoreUnavailable
from appliance.store.shape import TIME_COLUMN

ROWS = 40_000
"""Events in memory at a time, about."""
_TRIES = 4
Day = tuple[int, bool]
"""A day of arrival, and whether its events happened at another time."""


class Pass:
    """One pass over the segments that `listed` names, from `start` to before `end` (microseconds).

    `aside` sets a damaged segment aside and says whether it was in force.
    """

    def __init__(
        self,
        folder: Path,
        listed: Callable[[], Sequence[Segment]],
        aside: Callable[[SegmentDamaged], bool],
        start: int | None = None,
        end: int | None = None,
    ) -> None:
        self._folder, self._listed, self._aside, self._start, self._end = folder, listed, aside, start, end

    def __iter__(self) -> Iterator[StoredColumns]:
        """Yield the events, a day of arrival after the other; each part is good until the next is asked for.

        What cannot be opened since it is damaged is left out. Raises StoreUnavailable; SegmentDamaged where that is
        found while events are read: the next pass leaves it out.
        """
        for day in sorted({(one.day, one.late) for one in self._listed()}):
            yield from self._of_day(day)

    def _of_day(self, day: Day) -> Iterator[StoredColumns]:
        with ExitStack() as stack:
            large, small = self._opened(day, stack)
            yield from self._parts(group for segment, file in small for group in self._groups(segment, file))
        for segment in large:
            with ExitStack() as stack:
                yield from self._parts(self._of_large(segment, stack))

    def _opened(self, day: Day, stack: ExitStack) -> tuple[list[Segment], list[tuple[Segment, Any]]]:
        """Return the large segments of a day, and its small ones with their files, open.

        A file takes little as long as its description is not read, which may be half a megabyte.
        """
        tries = 0
        while tries < _TRIES:
            segments = [one for one in self._listed() if (one.day, one.late) == day]
            segments.sort(key=lambda one: one.min_time)
            try:
                small = [(one, stack.enter_context(self._open(one))) for one in segments if mergeable(one)]
            except SegmentDamaged as error:
                tries += not self._aside(error)
                continue
            return [one for one in segments if not mergeable(one)], small
        raise StoreUnavailable(f"segments of day {day[0]} are replaced faster than they can be opened")

    def _open(self, segment: Segment) -> Any:
        with reading(self._folder, segment) as path:
            return pa.OSFile(str(path), "rb")

    def _of_large(self, segment: Segment, stack: ExitStack) -> list[RowGroup]:
        """Return the row groups of a large segment, none of one that is deleted or damaged."""
        try:
            return self._groups(segment, stack.enter_context(self._open(segment)))
        except SegmentDamaged as error:
            self._aside(error)
            return []

    def _groups(self, segment: Segment, source: Any) -> list[RowGroup]:
        """Return those row groups of a segment that have events of the time, none of a damaged one."""
        try:
            with reading(self._folder, segment):
                file = opened(source)
                paths = [file.metadata.schema.column(at).path for at in range(file.metadata.num_columns)]
                at, columns = paths.index(TIME_COLUMN), frozenset(file.schema_arrow.names)
                told = [file.metadata.row_group(one).column(at) for one in range(file.num_row_groups)]
                numbers = [one for one, times in enumerate(told) if self._near(times)]
        except SegmentDamaged as error:
            self._aside(error)
            return []
        return [RowGroup(file, number, columns, partial(self._guarded, segment)) for number in numbers]

    def _near(self, times: Any) -> bool:
        told = times.statistics
        return (self._start is None or told.max >= self._start) and (self._end is None or told.min < self._end)

    @contextmanager
    def _guarded(self, segment: Segment) -> Iterator[None]:
        try:
            with reading(self._folder, segment):
                yield
        except SegmentDamaged as error:
            self._aside(error)
            raise

    def _parts(self, groups: Iterable[RowGroup]) -> Iterator[StoredColumns]:
        waiting: list[RowGroup] = []
        for group in groups:
            if waiting and sum(map(len, waiting)) + len(group) > ROWS:
                yield StoredColumns(waiting, self._start, self._end)
                waiting = []
                # A part needs much for a moment; without this the process would keep it.
                pa.default_memory_pool().release_unused()
            waiting.append(group)
        if waiting:
            yield StoredColumns(waiting, self._start, self._end)

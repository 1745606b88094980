"""All events of a store as columns, each exactly once, beside a writer that merges segments meanwhile.

Merges stay within a day of arrival, and only small segments are merged. So the small ones of a day are opened together,
after which it is of no account what replaces them; a large one only ever disappears when its events are deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa

from appliance.store.columns import RowGroup, StoredColumns, opened
from appliance.store.compaction import mergeable
from appliance.store.manifest import Segment
from appliance.store.model import StoreUnavailable
from appliance.store.shape import TIME_COLUMN

ROWS = 65_536
"""Events in memory at a time, about."""
_TRIES = 4
Day = tuple[int, bool]
"""A day of arrival, and whether its events happened at another time."""


class Pass:
    """One pass over the segments that `listed` names, from `start` to before `end` (microseconds)."""

    def __init__(
        self, folder: Path, listed: Callable[[], Sequence[Segment]], start: int | None = None, end: int | None = None
    ) -> None:
        self._folder, self._listed, self._start, self._end = folder, listed, start, end

    def __iter__(self) -> Iterator[StoredColumns]:
        """Yield the events, a day of arrival after the other; each part is good until the next is asked for.

        Raises StoreUnavailable.
        """
        for day in sorted({(one.day, one.late) for one in self._listed()}):
            yield from self._of_day(day)

    def _of_day(self, day: Day) -> Iterator[StoredColumns]:
        with ExitStack() as stack:
            large, small = self._opened(day, stack)
            yield from self._parts(small)
        for segment in large:
            with ExitStack() as stack:
                try:
                    file = self._open(segment, stack)
                except FileNotFoundError:
                    continue
                yield from self._parts([file])

    def _opened(self, day: Day, stack: ExitStack) -> tuple[list[Segment], list[Any]]:
        """Return the large segments of a day, and its small ones, opened."""
        for _ in range(_TRIES):
            segments = [one for one in self._listed() if (one.day, one.late) == day]
            segments.sort(key=lambda one: one.min_time)
            try:
                files = [self._open(one, stack) for one in segments if mergeable(one)]
            except FileNotFoundError:
                continue
            return [one for one in segments if not mergeable(one)], files
        raise StoreUnavailable(f"segments of day {day[0]} are replaced faster than they can be opened")

    def _open(self, segment: Segment, stack: ExitStack) -> Any:
        try:
            return stack.enter_context(opened(self._folder / segment.file))
        except FileNotFoundError:
            raise
        except (OSError, pa.ArrowException) as error:
            raise StoreUnavailable(f"segment {segment.file}: {error}") from error

    def _parts(self, files: Sequence[Any]) -> Iterator[StoredColumns]:
        waiting: list[RowGroup] = []
        for group in (group for file in files for group in self._groups(file)):
            if waiting and sum(map(len, waiting)) + len(group) > ROWS:
                yield StoredColumns(waiting, self._start, self._end)
                waiting = []
            waiting.append(group)
        if waiting:
            yield StoredColumns(waiting, self._start, self._end)

    def _groups(self, file: Any) -> Iterator[RowGroup]:
        paths = [file.metadata.schema.column(at).path for at in range(file.metadata.num_columns)]
        at, columns = paths.index(TIME_COLUMN), frozenset(file.schema_arrow.names)
        for number in range(file.num_row_groups):
            times = file.metadata.row_group(number).column(at).statistics
            if (self._start is None or times.max >= self._start) and (self._end is None or times.min < self._end):
                yield RowGroup(file, number, columns)

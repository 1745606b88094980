"""What analysers remember with: tables that forget, silence after a notice, time that was watched."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
"""Microseconds, as times of logs are."""


class Recent(Generic[K, V]):
    """A table of at most `most` rows; what was not used for longest goes first."""

    __slots__ = ("_rows", "most")

    def __init__(self, most: int, rows: Iterable[tuple[K, V]] = ()) -> None:
        self.most = most
        self._rows: OrderedDict[K, V] = OrderedDict()
        for key, value in rows:
            self[key] = value

    def get(self, key: K) -> V | None:
        """Return a row's value and count it as used."""
        value = self._rows.get(key)
        if value is not None:
            self._rows.move_to_end(key)
        return value

    def __setitem__(self, key: K, value: V) -> None:
        self._rows[key] = value
        self._rows.move_to_end(key)
        if len(self._rows) > self.most:
            self._rows.popitem(last=False)

    def __contains__(self, key: K) -> bool:
        return key in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[K]:
        return iter(self._rows)

    def items(self) -> Iterator[tuple[K, V]]:
        """Yield the rows, the one that was not used for longest first."""
        yield from self._rows.items()

    def pop(self, key: K) -> V | None:
        """Forget a row; return its value."""
        return self._rows.pop(key, None)


class Quiet:
    """What was noticed is not noticed again for a time."""

    __slots__ = ("_noticed", "_time")

    def __init__(self, time: int, most: int = 4096) -> None:
        self._noticed: Recent[str, int] = Recent(most)
        self._time = time

    def may(self, subject: str, at: int) -> bool:
        """Tell whether this may be noticed now; if so, it counts as noticed."""
        before = self._noticed.get(subject)
        if before is not None and abs(at - before) < self._time:
            return False
        self._noticed[subject] = at
        return True

    def memory(self) -> list[list[str | int]]:
        """Return what was noticed and when, as JSON holds it."""
        return [[subject, at] for subject, at in self._noticed.items()]

    def recall(self, memory: Iterable[tuple[str, int]]) -> None:
        """Take what `memory` returned."""
        for subject, at in memory:
            self._noticed[str(subject)] = int(at)


class Learning:
    """Counts the time in which logs were seen, until there is enough of it to know what is usual.

    A gap counts as at most STEP: a sensor that was off has learned nothing meanwhile, one whose mirror port is not yet
    plugged in neither, and a clock that is set from 1970 to today has not watched for half a century.
    """

    STEP = HOUR

    __slots__ = ("_last", "_need", "awake", "watched")

    def __init__(self, need: int) -> None:
        self._need = need
        self._last = 0
        self.awake = False
        """Whether a log was seen since the last tick; whoever sees one says so."""
        self.watched = 0
        """Microseconds so far."""

    def tick(self, now: int) -> None:
        """Count the time up to now, if anything was seen in it."""
        if self.awake:
            if self._last < now and self._last:
                self.watched += min(now - self._last, self.STEP)
            self._last, self.awake = now, False

    @property
    def over(self) -> bool:
        """Whether enough was seen."""
        return self.watched >= self._need

"""Which entries of a group fired and which were told, side by side: the next one that did not is found at once."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence

from .entry import FIRED, FLAGS, TIME, TOLD, VALUE


class Marks:
    """A byte for each entry, 1 where it is so. What the entries themselves say is what counts.

    With `valued`, `values` has the times at which each value occurs, as entries begin with them.
    """

    __slots__ = ("_last", "fired", "told", "values")

    def __init__(self, entries: Sequence[bytes], *, valued: bool = False) -> None:
        flags = bytes([entry[FLAGS] for entry in entries])
        self.fired, self.told = bytearray(flags.translate(_HAS_FIRED)), bytearray(flags.translate(_IS_TOLD))
        self.values: dict[bytes, list[bytes]] | None = {} if valued else None
        self._last: list[bytes] = []
        """Of each value the time at which it last occurred, and the value; in order."""
        if self.values is not None:
            for entry in entries:
                self.values.setdefault(entry[VALUE], []).append(entry[:TIME])
            self._last = sorted([times[-1] + value for value, times in self.values.items()])

    def insert(self, place: int, entry: bytes) -> None:
        """An entry came that has neither."""
        self.fired.insert(place, 0)
        self.told.insert(place, 0)
        if self.values is None:
            return
        value, time = entry[VALUE], entry[:TIME]
        times = self.values.setdefault(value, [])
        last = times[-1] if times else b""
        insort(times, time)
        if time > last:
            if last:
                del self._last[bisect_left(self._last, last + value)]
            insort(self._last, time + value)

    def drop(self, entries: Sequence[bytes]) -> None:
        """The first entries, these, go."""
        del self.fired[: len(entries)], self.told[: len(entries)]
        if self.values is not None:
            for entry in entries:
                value = entry[VALUE]
                times = self.values[value]
                del times[0]
                if not times:
                    del self.values[value]
                    del self._last[bisect_left(self._last, entry[:TIME] + value)]

    def since(self, time: bytes) -> int:
        """How many different values have occurred from a time on, given as entries begin with it."""
        return len(self._last) - bisect_left(self._last, time)


_HAS_FIRED = bytes(int(flags & FIRED != 0) for flags in range(256))
_IS_TOLD = bytes(int(flags & TOLD != 0) for flags in range(256))

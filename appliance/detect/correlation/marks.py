"""Which entries of a group fired and which were told, side by side: the next one that did not is found at once."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence

from .entry import FIRED, FLAGS, NAME, TOLD, VALUE, time_of

#: Later than all times.
_NO_MORE = (1 << 63) - 1


class Marks:
    """A byte for each entry, 1 where it is so. What the entries themselves say is what counts.

    With `valued`, `values` has the names of the entries of each value, in their order.
    """

    __slots__ = ("_next", "fired", "told", "values")

    def __init__(self, entries: Sequence[bytes], *, valued: bool = False) -> None:
        flags = bytes([entry[FLAGS] for entry in entries])
        self.fired, self.told = bytearray(flags.translate(_HAS_FIRED)), bytearray(flags.translate(_IS_TOLD))
        self.values: dict[bytes, list[bytes]] | None = {} if valued else None
        self._next = array("q")
        """When the value of each entry occurs next, in microseconds."""
        if self.values is not None:
            following: dict[bytes, int] = {}
            for entry in reversed(entries):
                self._next.append(following.get(entry[VALUE], _NO_MORE))
                following[entry[VALUE]] = time_of(entry)
            self._next.reverse()
            for entry in entries:
                self.values.setdefault(entry[VALUE], []).append(entry[:NAME])

    def insert(self, entries: Sequence[bytes], place: int) -> None:
        """The entry at a place came, which has neither."""
        self.fired.insert(place, 0)
        self.told.insert(place, 0)
        if self.values is None:
            return
        entry = entries[place]
        same, own = self.values.setdefault(entry[VALUE], []), entry[:NAME]
        at = bisect_left(same, own)
        self._next.insert(place, time_of(same[at]) if at < len(same) else _NO_MORE)
        same.insert(at, own)
        if at:
            self._next[bisect_left(entries, same[at - 1], 0, place)] = time_of(entry)

    def drop(self, entries: Sequence[bytes]) -> None:
        """The first entries, these, go."""
        del self.fired[: len(entries)], self.told[: len(entries)]
        if self.values is not None:
            del self._next[: len(entries)]
            for entry in entries:
                same = self.values[entry[VALUE]]
                del same[0]
                if not same:
                    del self.values[entry[VALUE]]

    def distinct(self, low: int, high: int, time: int) -> int:
        """How many different values the entries between two places have; the next entry is later than a time."""
        import numpy as np  # noqa: PLC0415  # processes that only read rules do not pay for it

        following = np.frombuffer(self._next, np.int64)[low:high]
        return int(np.count_nonzero(following > time))


_HAS_FIRED = bytes(int(flags & FIRED != 0) for flags in range(256))
_IS_TOLD = bytes(int(flags & TOLD != 0) for flags in range(256))

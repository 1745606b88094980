"""Which entries of a group fired and which were told, side by side: the next one that did not is found at once."""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence

from .entry import FIRED, FLAGS, TIME, TOLD, VALUE


class Marks:
    """A byte for each entry, 1 where it is so. What the entries themselves say is what counts.

    With `valued`, `values` has the times at which each value occurs, as entries begin with them.
    """

    __slots__ = ("fired", "told", "values")

    def __init__(self, entries: Sequence[bytes], *, valued: bool = False) -> None:
        flags = bytes([entry[FLAGS] for entry in entries])
        self.fired, self.told = bytearray(flags.translate(_HAS_FIRED)), bytearray(flags.translate(_IS_TOLD))
        self.values: dict[bytes, list[bytes]] | None = {} if valued else None
        if self.values is not None:
            for entry in entries:
                self.values.setdefault(entry[VALUE], []).append(entry[:TIME])

    def insert(self, place: int, entry: bytes) -> None:
        """An entry came that has neither."""
        self.fired.insert(place, 0)
        self.told.insert(place, 0)
        if self.values is not None:
            insort(self.values.setdefault(entry[VALUE], []), entry[:TIME])

    def drop(self, entries: Sequence[bytes]) -> None:
        """The first entries, these, go."""
        del self.fired[: len(entries)], self.told[: len(entries)]
        if self.values is not None:
            for entry in entries:
                times = self.values[entry[VALUE]]
                del times[0]
                if not times:
                    del self.values[entry[VALUE]]


_HAS_FIRED = bytes(int(flags & FIRED != 0) for flags in range(256))
_IS_TOLD = bytes(int(flags & TOLD != 0) for flags in range(256))

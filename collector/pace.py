"""So many in a second, and no more: what may cost much is bounded by time, not by how much comes."""

from __future__ import annotations


class Pace:
    """Counts what is done in the present second, of whichever clock the caller goes by."""

    __slots__ = ("_done", "_second")

    def __init__(self) -> None:
        self._second = self._done = 0

    def may(self, second: int, most: int) -> bool:
        """Count one more in a second; tell whether it is still among the first `most`."""
        if second != self._second:
            self._second, self._done = second, 0
        self._done += 1
        return self._done <= most

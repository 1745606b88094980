"""One side of a TCP flow, in order: what comes early waits, what comes twice is left out, holes are told."""

from __future__ import annotations

MAX_HELD = 48 << 10
"""Bytes that wait for those before them."""
MAX_SEGMENTS = 40
"""Segments that wait."""
_HALF, _MASK = 1 << 31, (1 << 32) - 1


class Stream:
    """The bytes of one side. `take` and `flush` return pieces in order; None stands for bytes that were not seen."""

    __slots__ = ("_waiting", "held", "next")

    def __init__(self, following: int) -> None:
        """Take the sequence number of the first byte, -1 for that of whatever comes first."""
        self.next = following
        self.held = 0
        self._waiting: list[tuple[int, bytes, int]] = []

    def take(self, seq: int, data: bytes, missing: int = 0, *, wait: bool = True) -> list[bytes | None]:
        """Take a segment of which the last `missing` bytes were not captured; without `wait` holes are given up."""
        if self.next < 0:
            self.next = seq
        if not missing and self.follows(seq, len(data)):
            return [data] if data else []
        ahead = self._ahead(seq)
        if ahead > 0:
            self._waiting.append((seq, data, missing))
            self.held += len(data)
            if wait and self.held <= MAX_HELD and len(self._waiting) <= MAX_SEGMENTS:
                return []
            return self.flush()
        found: list[bytes | None] = []
        self._pass(seq, data, missing, found)
        if self._waiting:
            self._drain(found)
        return found

    def follows(self, seq: int, size: int) -> bool:
        """Tell whether a whole segment is just what comes next, as nearly all are; if so, it counts as taken."""
        if seq != self.next or self._waiting:
            return False
        self.next = (seq + size) & _MASK
        return True

    def flush(self) -> list[bytes | None]:
        """Give up the holes; return what waited behind them."""
        found: list[bytes | None] = []
        while self._waiting:
            nearest = min(self._waiting, key=lambda item: self._ahead(item[0]))
            if self._ahead(nearest[0]) > 0:
                self.next = nearest[0]
                found.append(None)
            self._drain(found)
        return found

    def skip_to(self, seq: int) -> None:
        """Go on at another place; what waited is forgotten."""
        self.next = seq
        self._waiting.clear()
        self.held = 0

    def _ahead(self, seq: int) -> int:
        return ((seq - self.next + _HALF) & _MASK) - _HALF

    def _drain(self, found: list[bytes | None]) -> None:
        while ready := [item for item in self._waiting if self._ahead(item[0]) <= 0]:
            self._waiting = [item for item in self._waiting if self._ahead(item[0]) > 0]
            for seq, data, missing in ready:
                self.held -= len(data)
                self._pass(seq, data, missing, found)

    def _pass(self, seq: int, data: bytes, missing: int, found: list[bytes | None]) -> None:
        """Add what is new of a segment that begins at or before the next byte."""
        known = -self._ahead(seq)
        if known >= len(data) + missing:
            return
        if known < len(data):
            found.append(data[known:] if known else data)
        if missing:
            found.append(None)
        self.next = (seq + len(data) + missing) & _MASK

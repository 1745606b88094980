"""One side of a TCP flow, in order: what comes early waits, what comes twice is left out, holes are told."""

from __future__ import annotations

MAX_HELD = 48 << 10
"""Bytes that wait for those before them."""
MAX_SEGMENTS = 40
"""Segments that wait."""
RECENT = 2048
"""Bytes, at least, that are remembered of what was read last: within them is noticed what comes again otherwise."""
_HALF, _MASK = 1 << 31, (1 << 32) - 1


class Stream:
    """The bytes of one side. `take` and `flush` return pieces in order; None stands for bytes that were not seen.

    Of bytes that come twice the first are believed; `contradicted` tells that they came with another content.
    """

    __slots__ = ("_kept", "_recent", "_waiting", "contradicted", "held", "next")

    def __init__(self, following: int) -> None:
        """Take the sequence number of the first byte, -1 for that of whatever comes first."""
        self.next = following
        self.held = 0
        self.contradicted = False
        self._recent: list[bytes] = []
        self._kept = 0
        self._waiting: list[tuple[int, bytes, int]] = []

    def take(self, seq: int, data: bytes, missing: int = 0, *, wait: bool = True) -> list[bytes | None]:
        """Take a segment of which the last `missing` bytes were not captured; without `wait` holes are given up."""
        if self.next < 0:
            self.next = seq
        if not missing and self.follows(seq, data):
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

    def follows(self, seq: int, data: bytes) -> bool:
        """Tell whether a whole segment is just what comes next, as nearly all are; if so, it counts as taken."""
        if seq != self.next or self._waiting:
            return False
        self._take(data)
        return True

    def _take(self, data: bytes) -> None:
        size = len(data)
        self.next = (self.next + size) & _MASK
        self._kept += size
        if self._kept > RECENT:
            if size >= RECENT:
                self._recent, self._kept = [data[-RECENT:]], RECENT
                return
            while self._kept - len(self._recent[0]) >= RECENT:
                self._kept -= len(self._recent.pop(0))
        self._recent.append(data)

    def _leap(self, place: int) -> None:
        """Go on behind bytes that were not seen: those before them are not compared any more."""
        self.next, self._kept = place & _MASK, 0
        self._recent.clear()

    def _contradicts(self, known: int, data: bytes) -> bool:
        """Tell whether data that begins so many bytes before the next one are other than what was read.

        A single byte is none that anybody sends: it asks whether the other side is still there (RFC 9293, 3.8.4).
        """
        recent = b"".join(self._recent)
        begin = len(recent) - known
        if begin < 0:
            data, begin = data[-begin:], 0
        mine = recent[begin : begin + len(data)]
        return len(data) > 1 and data[: len(mine)] != mine

    def flush(self) -> list[bytes | None]:
        """Give up the holes; return what waited behind them."""
        found: list[bytes | None] = []
        while self._waiting:
            nearest = min(self._waiting, key=lambda item: self._ahead(item[0]))
            if self._ahead(nearest[0]) > 0:
                self._leap(nearest[0])
                found.append(None)
            self._drain(found)
        return found

    def skip_to(self, seq: int) -> None:
        """Go on at another place; what waited is forgotten."""
        self._leap(seq)
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
        if known and self._contradicts(known, data):
            self.contradicted = True
        if known >= len(data) + missing:
            return
        if known < len(data):
            fresh = data[known:] if known else data
            found.append(fresh)
            self._take(fresh)
        if missing:
            found.append(None)
            self._leap(seq + len(data) + missing)

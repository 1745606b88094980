"""Bytes of a handshake that come in datagrams: in pieces, twice, and in any order."""

from __future__ import annotations

from collector.protocols.model import Malformed

MAX_SIZE = 32_768
"""Bytes of one run of pieces."""
MAX_PIECES = 64
"""Pieces that wait for those before them."""


class Pieces:
    """Puts pieces in their order."""

    def __init__(self) -> None:
        self.due = 0
        """How many bytes were given out."""
        self._waiting: dict[int, bytes] = {}

    def take(self, offset: int, data: bytes) -> bytes:
        """Return the bytes that are next, now that a piece came. Raises Malformed past the bounds."""
        if offset + len(data) > MAX_SIZE:
            raise Malformed("ssl_handshake_too_long")
        if offset > self.due and offset not in self._waiting and len(self._waiting) >= MAX_PIECES:
            raise Malformed("ssl_handshake_too_many_pieces")
        if len(self._waiting.get(offset, b"")) < len(data):
            self._waiting[offset] = data
        ready = b""
        for start in sorted(self._waiting):
            if start > self.due:
                break
            fresh = self._waiting.pop(start)[self.due - start :]
            ready += fresh
            self.due += len(fresh)
        return ready

"""TLS over TCP: records of both sides, until both have begun to encrypt (RFC 8446, 5.1; RFC 5246, 6.2)."""

from __future__ import annotations

from collections.abc import Iterable
from struct import error

from collector.protocols.model import Flow, Log, Malformed, Side
from collector.protocols.tls.handshake import CLIENT_HELLO, Handshake
from collector.protocols.tls.hello import PRE_SHARED_KEY, old_hello, old_size
from collector.protocols.tls.report import report

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA, HEARTBEAT = 20, 21, 22, 23, 24
MAX_RECORD = 16_384 + 2_048
MAX_UNANSWERED = 65_536
"""Bytes of a side that goes on after its handshake while the other side is not seen at all."""
_FATAL = 2


class TlsConversation:
    """Reads the handshake of one connection. What is encrypted is left alone: the flow is done when both sides are."""

    def __init__(self, flow: Flow) -> None:
        self.done = False
        self._handshake = Handshake()
        self._rest = [b"", b""]
        self._first = [True, True]
        #: The record that a side is in the middle of: its type and how many bytes of it are to come.
        self._kind = [0, 0]
        self._left = [0, 0]
        self._dark = [False, False]
        self._ciphered = [False, False]
        #: A side may have begun to encrypt: it said so before the server's version was known.
        self._doubtful = [False, False]
        self._abbreviated = False
        self._unanswered = 0
        self._alert: int | None = None
        self._fatal = False

    def feed(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take the next bytes of a side."""
        if self._dark[side]:
            self._unanswered += len(data)
            return self._finish() if self._unanswered > MAX_UNANSWERED else ()
        held = self._rest[side] + data if self._rest[side] else data
        try:
            if self._first[side]:
                held = self._begin(side, at, held)
            self._records(side, at, held)
        except (Malformed, IndexError, error) as fault:
            if not self._handshake.facts.began:
                raise
            # What was read before is no less true.
            return [*self._finish(), Log("weird", at, {"name": getattr(fault, "name", "ssl_truncated")})]
        return self._finish() if self._fatal or self._dark == [True, True] else ()

    def lost(self, side: Side, at: int) -> Iterable[Log]:
        """After a hole no record's beginning is known: the side is not read further."""
        self._dark[side] = True
        return self._finish() if self._dark == [True, True] else ()

    def close(self, at: int) -> Iterable[Log]:
        """Tell a handshake that was not finished."""
        return () if self.done else self._finish()

    def _finish(self) -> list[Log]:
        self.done = True
        return report(
            self._handshake.facts,
            established=self._ciphered == [True, True] and not self._fatal,
            resumed=self._abbreviated,
            alert=self._alert,
            transport="t",
        )

    def _begin(self, side: Side, at: int, data: bytes) -> bytes:
        """Take away a hello in the form of SSL 2.0, with which a client may begin; it comes in one segment."""
        self._first[side] = False
        hello = old_hello(data)
        if hello is None:
            return data
        self._handshake.old(side, at, hello)
        return data[old_size(data) :]

    def _records(self, side: Side, at: int, data: bytes) -> None:
        place, size = 0, len(data)
        while not self._dark[side]:
            if not self._left[side]:
                if size - place < 5:
                    break
                self._kind[side], self._left[side] = self._head(data, place)
                place += 5
                # An empty record is none; what it announces is told by its head alone.
                self._announced(side)
                continue
            if place == size:
                break
            piece = data[place : place + self._left[side]]
            if self._kind[side] == ALERT and len(piece) < self._left[side]:
                break
            place += len(piece)
            self._left[side] -= len(piece)
            self._take(side, at, piece)
        self._rest[side] = data[place:] if not self._dark[side] else b""

    @staticmethod
    def _head(data: bytes, place: int) -> tuple[int, int]:
        kind, size = data[place], data[place + 3] << 8 | data[place + 4]
        if not CHANGE_CIPHER_SPEC <= kind <= HEARTBEAT or data[place + 1] not in (3, 0x7F):
            raise Malformed("ssl_invalid_record")
        if size > MAX_RECORD:
            raise Malformed("ssl_record_too_long")
        return kind, size

    def _announced(self, side: Side) -> None:
        """Draw from the head of a record what it means that it comes now."""
        facts, kind = self._handshake.facts, self._kind[side]
        server = facts.server
        modern = server is not None and server.modern
        if kind == CHANGE_CIPHER_SPEC and not modern:
            from_server = side != facts.client_side
            if server is None:
                # A client that speaks TLS 1.3 may say it before the server picks that version; it means nothing then.
                self._doubtful[side] = True
                return
            self._abbreviated = self._abbreviated or (from_server and not facts.hello_done)
            self._dark[side] = self._ciphered[side] = True
        elif kind == APPLICATION_DATA and server is not None and not server.retry:
            self._abbreviated = self._abbreviated or (modern and PRE_SHARED_KEY in server.extensions)
            self._dark[side] = self._ciphered[side] = True

    def _take(self, side: Side, at: int, piece: bytes) -> None:
        if self._kind[side] == HANDSHAKE and self._doubtful[side] and piece[0] != CLIENT_HELLO:
            self._dark[side] = True
        elif self._kind[side] == HANDSHAKE:
            self._doubtful[side] = False
            self._handshake.take(side, at, piece)
        elif self._kind[side] == ALERT and len(piece) >= 2:
            self._alert, self._fatal = piece[1], piece[0] == _FATAL

"""DTLS 1.0 to 1.3 over UDP (RFC 6347, RFC 9147), as VPNs and calls use it: the handshake of TLS in datagrams."""

from __future__ import annotations

from collections.abc import Iterable
from struct import error, unpack_from

from collector.protocols.model import Flow, Log, Malformed, Protocol, Side
from collector.protocols.tls.handshake import CLIENT_HELLO, MAX_BROKEN, Handshake
from collector.protocols.tls.hello import PRE_SHARED_KEY
from collector.protocols.tls.pieces import Pieces
from collector.protocols.tls.report import report

MAX_DATAGRAMS = 128
"""Datagrams of a flow that are looked at; broken ones have a bound of their own."""
MAX_AHEAD = 8
"""Messages of a side that may come before their turn."""
_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE = 20, 21, 22
_KINDS = frozenset(range(20, 27))
#: The last is that of OpenSSL before 0.9.8f, with which Cisco's VPN stayed.
_VERSIONS = frozenset({b"\xfe\xff", b"\xfe\xfd", b"\xfe\xfc", b"\x01\x00"})
_FATAL = 2


class Messages:
    """The handshake messages of one side, in their order, as TLS would carry them."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._parts: dict[int, tuple[bytes, Pieces, bytearray]] = {}

    def take(self, data: bytes) -> Iterable[bytes]:
        """Return the messages that are whole now that a record came. Raises Malformed, struct.error."""
        at = 0
        while at < len(data):
            number, high, low = unpack_from("!HBH", data, at + 4)
            size = int.from_bytes(data[at + 9 : at + 12], "big")
            if at + 12 + size > len(data):
                raise Malformed("ssl_length_past_end")
            self._next = number if self._next is None else self._next
            if self._next <= number < self._next + MAX_AHEAD:
                _, pieces, body = self._parts.setdefault(number, (data[at : at + 4], Pieces(), bytearray()))
                body += pieces.take(high << 16 | low, data[at + 12 : at + 12 + size])
            at += 12 + size
        return self._whole()

    def _whole(self) -> Iterable[bytes]:
        while self._next in self._parts:
            head, _, body = self._parts[self._next]
            size = int.from_bytes(head[1:], "big")
            if len(body) < size:
                return
            # One that turns out to be broken does not count: the right one may still come under its number.
            del self._parts[self._next]
            message = _without_cookie(bytes(body[:size])) if head[0] == CLIENT_HELLO else bytes(body[:size])
            yield head[:1] + len(message).to_bytes(3, "big") + message
            self._next += 1


def _without_cookie(body: bytes) -> bytes:
    """A ClientHello as TLS has it: the cookie behind the session id is DTLS's own (RFC 6347, 4.2.1)."""
    at = 35 + body[34]
    return body[:at] + body[at + 1 + body[at] :]


class DtlsConversation:
    """Reads the handshake of one association until both sides encrypt."""

    def __init__(self, flow: Flow) -> None:
        self.done = False
        self._handshake = Handshake()
        self._messages = (Messages(), Messages())
        self._ciphered = [False, False]
        self._abbreviated = False
        self._alert: int | None = None
        self._fatal = False
        self._seen = self._broken = 0

    def feed(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take a datagram. A broken one costs itself: anybody may have sent it."""
        try:
            self._records(side, at, data)
        except (Malformed, IndexError, error) as fault:
            self._broken += 1
            if self._broken < MAX_BROKEN:
                raise
            return [*self._finish(), Log("weird", at, {"name": getattr(fault, "name", "ssl_truncated")})]
        self._seen += 1
        over = self._fatal or self._ciphered == [True, True] or self._seen >= MAX_DATAGRAMS
        return self._finish() if over else ()

    def lost(self, side: Side, at: int) -> Iterable[Log]:
        """Datagrams stand for themselves."""
        return ()

    def close(self, at: int) -> Iterable[Log]:
        """Tell an association that was not seen to stand."""
        return () if self.done else self._finish()

    def _records(self, side: Side, at: int, data: bytes) -> None:
        place = 0
        while place < len(data):
            if data[place] & 0xE0 == 0x20:
                # The short head of an encrypted record (RFC 9147, 4).
                self._encrypts(side)
                return
            if data[place] not in _KINDS:
                return  # another protocol on the same port (RFC 7983)
            epoch, size = unpack_from("!H6xH", data, place + 3)
            body = data[place + 13 : place + 13 + size]
            if len(body) < size:
                raise Malformed("ssl_length_past_end")
            if epoch:
                self._encrypts(side)
                return
            self._record(side, at, data[place], body)
            place += 13 + size

    def _record(self, side: Side, at: int, kind: int, body: bytes) -> None:
        facts = self._handshake.facts
        if kind == _HANDSHAKE:
            for message in self._messages[side].take(body):
                self._handshake.take(side, at, message)
        elif kind == _ALERT and len(body) >= 2:
            self._alert, self._fatal = body[1], body[0] == _FATAL
        elif kind == _CHANGE_CIPHER_SPEC and facts.server and not facts.server.modern and side != facts.client_side:
            self._abbreviated = not facts.hello_done

    def _encrypts(self, side: Side) -> None:
        server = self._handshake.facts.server
        if server is not None and not server.retry:
            self._ciphered[side] = True
            self._abbreviated = self._abbreviated or (server.modern and PRE_SHARED_KEY in server.extensions)

    def _finish(self) -> list[Log]:
        self.done = True
        established = self._ciphered == [True, True] and not self._fatal
        facts = self._handshake.facts
        return report(facts, established=established, resumed=self._abbreviated, alert=self._alert, transport="d")


def recognises(side: Side, data: bytes) -> bool:
    """Tell whether a first datagram begins with a message of a handshake."""
    if len(data) < 25 or data[0] != _HANDSHAKE or data[1:3] not in _VERSIONS:
        return False
    return data[3:5] == b"\0\0" and data[13] in {1, 2, 3}


PROTOCOL = Protocol(
    name="dtls",
    transports=frozenset({"udp"}),
    ports=frozenset(),
    recognises=recognises,
    open=DtlsConversation,
)

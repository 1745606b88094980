"""RDP (MS-RDPBCGR): who knocks, under which name, with which security, and whether the server let it begin."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from types import MappingProxyType

from collector.protocols.frames import Frames, text, utf16
from collector.protocols.model import Flow, Log, Malformed, Protocol, Side, Value

_REQUEST, _CONFIRM, _DATA = 0xE0, 0xD0, 0xF0
#: Zeek's names of what the server chose.
_PROTOCOLS = MappingProxyType({0: "RDP", 1: "SSL", 2: "HYBRID", 4: "RDSTLS", 8: "HYBRID_EX", 16: "RDSAAD"})
_FAILURES = MappingProxyType(
    {
        1: "SSL_REQUIRED_BY_SERVER",
        2: "SSL_NOT_ALLOWED_BY_SERVER",
        3: "SSL_CERT_NOT_ON_SERVER",
        4: "INCONSISTENT_FLAGS",
        5: "HYBRID_REQUIRED_BY_SERVER",
        6: "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER",
    }
)
_RESULTS = (
    "Success",
    "Domain Merging",
    "No Channels",
    "No Domain",
    "No Such Channel",
    "No Such Domain",
    "No Such User",
)
#: The key of a conference request that the client's data follow (T.124), and that of the answer.
_CLIENT, _SERVER = b"Duca", b"McDn"
_BUILDS = MappingProxyType({2600: "RDP 5.1", 6000: "RDP 6.0", 7600: "RDP 7.0", 7601: "RDP 7.1", 9200: "RDP 8.0"})


def _length(data: bytes, at: int) -> int:
    if data[at] != 3:
        raise Malformed("tpkt_version")
    return int.from_bytes(data[at + 2 : at + 4], "big")


class Conversation:
    """One connection, read until it is encrypted or has begun."""

    def __init__(self, _flow: Flow) -> None:
        self._sides = (Frames(4, _length), Frames(4, _length))
        self._fields: dict[str, Value] = {}
        self.done = False

    def feed(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take the next bytes of a side."""
        found: list[Log] = []
        for message in self._sides[side].feed(data):
            found += self._read(at, message)
            if self.done:
                break
        return found

    def lost(self, side: Side, _at: int) -> Iterable[Log]:
        """Begin anew with the next message."""
        self._sides[side].lost()
        return ()

    def close(self, at: int) -> Iterable[Log]:
        """Tell a request that was not answered."""
        return list(self._tell(at))

    def _tell(self, at: int) -> Iterator[Log]:
        if self._fields and not self.done:
            self.done = True
            yield Log("rdp", at, self._fields)

    def _read(self, at: int, message: bytes) -> Iterator[Log]:
        kind = message[5] & 0xF0
        if kind == _REQUEST:
            self._request(message[11:])
        elif kind == _CONFIRM:
            yield from self._confirm(at, message[11:])
        elif kind == _DATA:
            yield from self._conference(at, message[7:])
        else:
            raise Malformed("x224_type")

    def _request(self, rest: bytes) -> None:
        line, _, offer = rest.partition(b"\r\n") if rest[:7] == b"Cookie:" else (b"", b"", rest)
        name, _, value = line[7:].strip().partition(b"=")
        self._fields = {}
        if value:
            self._fields["cookie" if name == b"mstshash" else "routing_token"] = text(value, 64)
        if len(offer) >= 8 and offer[0] == 1:
            asked = int.from_bytes(offer[4:8], "little")
            self._fields["requested_protocols"] = [name for bit, name in _PROTOCOLS.items() if asked & bit] or ["RDP"]

    def _confirm(self, at: int, rest: bytes) -> Iterator[Log]:
        if len(rest) >= 8 and rest[0] == 3:
            code = int.from_bytes(rest[4:8], "little")
            self._fields["result"] = _FAILURES.get(code, f"unknown-{code}")
            yield from self._tell(at)
            return
        chosen = int.from_bytes(rest[4:8], "little") if len(rest) >= 8 and rest[0] == 2 else 0
        self._fields["security_protocol"] = _PROTOCOLS.get(chosen, f"unknown-{chosen}")
        if chosen:
            # TLS begins now: what the client says of itself is hidden.
            self._fields["result"] = "encrypted"
            yield from self._tell(at)

    def _conference(self, at: int, rest: bytes) -> Iterator[Log]:
        place = rest.find(_CLIENT)
        if place >= 0:
            self._client(rest, place + 4)
        elif rest[:2] == b"\x7f\x66" and _SERVER in rest:
            # MCS Connect-Response: an enumerated result stands first (T.125).
            place = rest.find(b"\x0a\x01", 2, 12)
            code = rest[place + 2] if place > 0 else 0
            self._fields["result"] = _RESULTS[code] if code < len(_RESULTS) else f"unknown-{code}"
            yield from self._tell(at)

    def _client(self, rest: bytes, at: int) -> None:
        at += 2 if rest[at] & 0x80 else 1
        kind, size = struct.unpack_from("<HH", rest, at)
        if kind != 0xC001 or size < 60:
            return
        width, height, _, _, layout, build = struct.unpack_from("<HHHHII", rest, at + 8)
        self._fields.update(
            desktop_width=width,
            desktop_height=height,
            keyboard_layout=f"0x{layout:08x}",
            client_build=_BUILDS.get(build, str(build)),
            client_name=utf16(rest[at + 24 : at + 56]),
        )


def _recognises(_side: Side, data: bytes) -> bool:
    """Tell a connection request within TPKT, and nothing else that uses it (H.323, S7): a cookie or a negotiation."""
    if data[:2] != b"\3\0" or len(data) < 11 or data[5] & 0xF0 not in {_REQUEST, _CONFIRM}:
        return False
    return data[11:18] == b"Cookie:" or (len(data) >= 19 and data[11] in {1, 2, 3} and data[13:15] == b"\x08\0")


PROTOCOL = Protocol(
    name="rdp",
    transports=frozenset({"tcp"}),
    ports=frozenset({3389}),
    recognises=_recognises,
    open=Conversation,
)

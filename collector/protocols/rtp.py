"""RTP (RFC 3550, 3551): that voice or video flows and in which coding, once a flow; never what is said."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from types import MappingProxyType

from collector.protocols.model import Flow, Log, Protocol, Side

_KINDS = MappingProxyType(
    {0: "PCMU", 3: "GSM", 4: "G723", 8: "PCMA", 9: "G722", 13: "CN", 18: "G729", 26: "JPEG", 31: "H261", 34: "H263"}
)
#: Packets in a row of one source that make it sure: any bytes may look like one of them.
_SURE = 3


class Conversation:
    """One flow, looked at until it is sure or refuted."""

    def __init__(self, _flow: Flow) -> None:
        self._source, self._sequence, self._seen = -1, 0, 0
        self.done = False

    def feed(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take a datagram."""
        if side is Side.RESP and self._seen:
            return ()
        first, kind, sequence, _, source = struct.unpack_from("!BBHII", data)
        if first >> 6 != 2 or 64 <= kind & 0x7F < 96:
            self.done = True
            return ()
        follows = source == self._source and (sequence - self._sequence) & 0xFFFF < 16
        if self._seen and not follows:
            self.done = True
            return ()
        self._source, self._sequence = source, sequence
        self._seen += 1
        if self._seen < _SURE:
            return ()
        self.done = True
        kind &= 0x7F
        name = _KINDS.get(kind) or ("dynamic" if kind >= 96 else f"unknown-{kind}")
        return (Log("rtp", at, {"payload_type": kind, "coding": name, "ssrc": f"0x{source:08x}"}),)

    def lost(self, _side: Side, _at: int) -> Iterable[Log]:
        """A lost datagram changes nothing."""
        return ()

    def close(self, _at: int) -> Iterable[Log]:
        """What was not sure is not told."""
        return ()


def _recognises(_side: Side, data: bytes) -> bool:
    """Tell a packet of one of the fixed voice codings by its size: the others look like anything."""
    return len(data) in {12 + 80, 12 + 160, 12 + 240, 12 + 20, 12 + 33} and data[0] == 0x80 and data[1] & 0x7F in _KINDS


PROTOCOL = Protocol(
    name="rtp",
    transports=frozenset({"udp"}),
    ports=frozenset(),
    recognises=_recognises,
    open=Conversation,
)

"""QUIC: the TLS handshake in its Initial packets, told as Zeek's ssl.log with the version of QUIC beside it."""

from __future__ import annotations

from struct import unpack_from

from collector.protocols.model import Protocol, Side
from collector.protocols.quic.conversation import QuicConversation
from collector.protocols.quic.initial import MAX_ID, V2, VERSIONS

_SMALLEST = 64


def recognises(side: Side, data: bytes) -> bool:
    """Tell whether a first datagram begins with an Initial packet of a version that is read, or one of early data."""
    if len(data) < _SMALLEST or data[0] & 0xC0 != 0xC0 or data[5] > MAX_ID:
        return False
    (version,) = unpack_from("!I", data, 1)
    kind = data[0] >> 4 & 3
    return version in VERSIONS and kind in ((1, 2) if version == V2 else (0, 1))


PROTOCOL = Protocol(
    name="quic",
    transports=frozenset({"udp"}),
    ports=frozenset(),
    recognises=recognises,
    open=QuicConversation,
)

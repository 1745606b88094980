"""DCE/RPC (C706, MS-RPCE): which interface is asked for which operation, over TCP or over a pipe of SMB."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from collector.protocols.dce_rpc.calls import Calls
from collector.protocols.frames import Frames
from collector.protocols.model import Flow, Log, Malformed, Protocol, Side

_HEADER = 16
#: Requests and what binds interfaces: the rest of a long flow is data.
_WORTH = frozenset({0, 11, 14, 16})


def _length(data: bytes, at: int) -> int:
    if data[at] != 5 or data[at + 1] > 1 or data[at + 2] > 19:
        raise Malformed("dce_rpc_header")
    return int.from_bytes(data[at + 8 : at + 10], "little" if data[at + 4] & 0x10 else "big")


def is_pdu(data: bytes) -> bool:
    """Tell whether bytes begin a PDU of connection-oriented DCE/RPC that a parser wants to read."""
    return data[:1] == b"\5" and len(data) >= _HEADER and data[1] <= 1 and data[2] in _WORTH and not data[5]


class Conversation:
    """One TCP connection: both sides cut into PDUs, requests told as they come."""

    done = False

    def __init__(self, flow: Flow) -> None:
        self._sides = (Frames(_HEADER, _length), Frames(_HEADER, _length))
        self._calls = Calls(str(flow.resp_p))

    def feed(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take the next bytes of a side."""
        return list(self._read(at, self._sides[side].feed(data)))

    def lost(self, side: Side, _at: int) -> Iterable[Log]:
        """Begin anew with the next packet."""
        self._sides[side].lost()
        return ()

    def close(self, at: int) -> Iterable[Log]:
        """Tell a sign-in whose end was not seen."""
        return self._calls.close(at)

    def _read(self, at: int, pdus: list[bytes]) -> Iterator[Log]:
        for pdu in pdus:
            yield from self._calls.read(at, pdu)


PROTOCOL = Protocol(
    name="dce_rpc",
    transports=frozenset({"tcp"}),
    ports=frozenset({135, 593}),
    recognises=lambda _side, data: is_pdu(data) and data[2] in {11, 14},
    open=Conversation,
    resumes=is_pdu,
)

"""S7comm, what Siemens' controllers speak over ISO-on-TCP (RFC 1006): what is read, written, loaded or stopped."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from types import MappingProxyType

from collector.protocols.frames import Frames, text
from collector.protocols.model import Flow, Log, Malformed, Protocol, Side, Value

_ROSCTR = MappingProxyType({1: "Job Request", 2: "Acknowledgement", 3: "Acknowledgement-Data", 7: "User-Data"})
_FUNCTIONS = MappingProxyType(
    {
        0x00: "CPU Services",
        0x04: "Read Variable",
        0x05: "Write Variable",
        0x1A: "Request Download",
        0x1B: "Download Block",
        0x1C: "Download Ended",
        0x1D: "Start Upload",
        0x1E: "Upload",
        0x1F: "End Upload",
        0x28: "PI Service",
        0x29: "PLC Stop",
        0xF0: "Setup Communication",
    }
)
_READ = 0x04
_MAGIC, _PLUS = 0x32, 0x72


def _length(data: bytes, at: int) -> int:
    if data[at] != 3:
        raise Malformed("tpkt_version")
    return int.from_bytes(data[at + 2 : at + 4], "big")


class Conversation:
    """One connection."""

    def __init__(self, _flow: Flow) -> None:
        self._sides = (Frames(4, _length), Frames(4, _length))
        self._read_told = False
        self.done = False

    def feed(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take the next bytes of a side."""
        return [log for message in self._sides[side].feed(data) for log in self._read(at, message)]

    def lost(self, side: Side, _at: int) -> Iterable[Log]:
        """Begin anew with the next message."""
        self._sides[side].lost()
        return ()

    def close(self, _at: int) -> Iterable[Log]:
        """Nothing is held back."""
        return ()

    def _read(self, at: int, message: bytes) -> Iterator[Log]:
        if message[5] & 0xF0 != 0xF0 or len(message) < 8:
            # Connecting and disconnecting (RFC 905).
            return
        if message[7] == _PLUS:
            self.done = True
            yield Log("s7comm", at, {"rosctr_name": "S7comm-plus"})
        if message[7] != _MAGIC:
            return
        kind, number, parameters, _ = struct.unpack_from("!xB2xHHH", message, 7)
        if kind not in _ROSCTR:
            raise Malformed("s7_rosctr")
        fields: dict[str, Value] = {"rosctr_code": kind, "rosctr_name": _ROSCTR[kind], "pdu_reference": number}
        start = 7 + (12 if kind in {2, 3} else 10)
        if kind in {2, 3} and any(message[start - 2 : start]):
            fields.update(error_class=f"0x{message[start - 2]:02x}", error_code=f"0x{message[start - 1]:02x}")
        if parameters and kind != 7:
            code = message[start]
            if code == _READ and self._read_told:
                return
            self._read_told |= code == _READ
            fields.update(function_code=code, function_name=_FUNCTIONS.get(code, f"unknown-0x{code:02x}"))
            if code == 0x28 and kind == 1:
                # Seven bytes, the length of a block, the block, the length of a name, the name.
                (block,) = struct.unpack_from("!H", message, start + 8)
                at_name = start + 10 + block
                fields["service"] = text(message[at_name + 1 : at_name + 1 + message[at_name]], 32)
        yield Log("s7comm", at, fields)


PROTOCOL = Protocol(
    name="s7comm",
    transports=frozenset({"tcp"}),
    ports=frozenset({102}),
    recognises=lambda _side, data: data[:2] == b"\3\0" and data[5:8] in {b"\xf0\x80\x32", b"\xf0\x80\x72"},
    open=Conversation,
    resumes=lambda data: data[:2] == b"\3\0" and data[5:8] == b"\xf0\x80\x32",
)

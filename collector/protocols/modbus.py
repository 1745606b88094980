"""Modbus over TCP: which unit is asked for which function, and whether it refused. Values are not kept."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from types import MappingProxyType

from collector.protocols.frames import Frames
from collector.protocols.model import Flow, Log, Malformed, Protocol, Side, Value

#: Zeek's names of the functions (Modbus Application Protocol 1.1b3 § 6).
_FUNCTIONS = MappingProxyType(
    {
        1: "READ_COILS",
        2: "READ_DISCRETE_INPUTS",
        3: "READ_HOLDING_REGISTERS",
        4: "READ_INPUT_REGISTERS",
        5: "WRITE_SINGLE_COIL",
        6: "WRITE_SINGLE_REGISTER",
        7: "READ_EXCEPTION_STATUS",
        8: "DIAGNOSTICS",
        11: "GET_COMM_EVENT_COUNTER",
        12: "GET_COMM_EVENT_LOG",
        15: "WRITE_MULTIPLE_COILS",
        16: "WRITE_MULTIPLE_REGISTERS",
        17: "REPORT_SLAVE_ID",
        20: "READ_FILE_RECORD",
        21: "WRITE_FILE_RECORD",
        22: "MASK_WRITE_REGISTER",
        23: "READ_WRITE_MULTIPLE_REGISTERS",
        24: "READ_FIFO_QUEUE",
        43: "ENCAP_INTERFACE_TRANSPORT",
        90: "UNITY_SCHNEIDER",
    }
)
_EXCEPTIONS = MappingProxyType(
    {
        1: "ILLEGAL_FUNCTION",
        2: "ILLEGAL_DATA_ADDRESS",
        3: "ILLEGAL_DATA_VALUE",
        4: "SLAVE_DEVICE_FAILURE",
        5: "ACKNOWLEDGE",
        6: "SLAVE_DEVICE_BUSY",
        8: "MEMORY_PARITY_ERROR",
        10: "GATEWAY_PATH_UNAVAILABLE",
        11: "GATEWAY_TARGET_DEVICE_FAILED_TO_RESPOND",
    }
)
#: Functions that read and are asked many times a second: of each unit each is told once a flow.
_READS = frozenset({1, 2, 3, 4, 7, 11, 12, 20, 24})
_MOST = 256


def _length(data: bytes, at: int) -> int:
    protocol, size = struct.unpack_from("!HH", data, at + 2)
    if protocol or not 2 <= size <= 260:
        raise Malformed("modbus_header")
    return 6 + int(size)


class Conversation:
    """One connection."""

    done = False

    def __init__(self, _flow: Flow) -> None:
        self._sides = (Frames(7, _length), Frames(7, _length))
        self._told: set[tuple[int, int, Side]] = set()

    def feed(self, side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take the next bytes of a side."""
        return [log for message in self._sides[side].feed(data) for log in self._read(side, at, message)]

    def lost(self, side: Side, _at: int) -> Iterable[Log]:
        """Begin anew with the next message."""
        self._sides[side].lost()
        return ()

    def close(self, _at: int) -> Iterable[Log]:
        """Nothing is held back."""
        return ()

    def _read(self, side: Side, at: int, message: bytes) -> Iterator[Log]:
        number, unit, code = struct.unpack_from("!H4xBB", message)
        refused, code = bool(code & 0x80), code & 0x7F
        key = (unit, code, side)
        if code in _READS and not refused:
            if key in self._told or len(self._told) >= _MOST:
                return
            self._told.add(key)
        name = _FUNCTIONS.get(code, f"unknown-{code}")
        fields: dict[str, Value] = {
            "tid": number,
            "unit": unit,
            "func": f"{name}_EXCEPTION" if refused else name,
            "pdu_type": "RESP" if side is Side.RESP else "REQ",
        }
        if refused:
            fields["exception"] = _EXCEPTIONS.get(message[8], f"unknown-{message[8]}")
        elif side is Side.ORIG and code in {1, 2, 3, 4, 5, 6, 15, 16, 22, 23}:
            (fields["address"],) = struct.unpack_from("!H", message, 8)
        yield Log("modbus", at, fields)


PROTOCOL = Protocol(
    name="modbus",
    transports=frozenset({"tcp"}),
    ports=frozenset({502}),
    recognises=lambda _side, _data: False,
    open=Conversation,
    resumes=lambda data: 8 <= len(data) <= 266 and data[2:4] == b"\0\0" and data[7] & 0x7F in _FUNCTIONS,
)

"""RADIUS (RFC 2865, 2866): who asks to be let into the network, from which device, and the answer. No password."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address
from types import MappingProxyType

from collector.protocols.frames import text
from collector.protocols.model import Flow, Log, Malformed, Protocol, Side, Value

_REQUEST, _ACCEPT, _REJECT, _ACCOUNTING, _CHALLENGE = 1, 2, 3, 4, 11
_CODES = frozenset({1, 2, 3, 4, 5, 11, 12, 13, 40, 41, 42, 43, 44, 45})
_RESULTS = MappingProxyType({_ACCEPT: "success", _REJECT: "failed"})
_TEXTS = MappingProxyType({1: "username", 30: "called_station", 31: "mac", 32: "nas_identifier", 77: "connect_info"})
_STATUSES = MappingProxyType({1: "start", 2: "stop", 3: "interim-update"})
_MOST, _PENDING = 64, 64


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 20
    for _ in range(_MOST):
        if at >= len(data):
            return
        size = data[at + 1]
        if size < 2 or at + size > len(data):
            raise Malformed("radius_attribute_length")
        yield data[at], data[at + 2 : at + size]
        at += size


class Conversation:
    """One flow between a network device and the server."""

    done = False

    def __init__(self, _flow: Flow) -> None:
        self._pending: dict[int, dict[str, Value]] = {}

    def feed(self, _side: Side, at: int, data: bytes) -> Iterable[Log]:
        """Take a datagram."""
        code, number, size = struct.unpack_from("!BBH", data)
        if code not in _CODES or not 20 <= size <= len(data):
            raise Malformed("radius_header")
        if code in {_REQUEST, _ACCOUNTING}:
            fields = _fields(data[:size])
            if code == _ACCOUNTING:
                return (Log("radius", at, fields),)
            self._pending[number] = fields
            if len(self._pending) > _PENDING:
                del self._pending[next(iter(self._pending))]
        elif code in _RESULTS and number in self._pending:
            return (Log("radius", at, {**self._pending.pop(number), "result": _RESULTS[code]}),)
        elif code == _CHALLENGE:
            self._pending.pop(number, None)
        return ()

    def lost(self, _side: Side, _at: int) -> Iterable[Log]:
        """A lost datagram changes nothing."""
        return ()

    def close(self, at: int) -> Iterable[Log]:
        """Tell requests that were not answered."""
        waiting, self._pending = self._pending, {}
        return [Log("radius", at, fields) for fields in waiting.values()]


def _fields(data: bytes) -> dict[str, Value]:
    fields: dict[str, Value] = {}
    for kind, raw in _attributes(data):
        if kind in _TEXTS:
            fields[_TEXTS[kind]] = text(raw, 128)
        elif kind in {4, 8} and len(raw) == 4:
            fields["nas_addr" if kind == 4 else "framed_addr"] = str(IPv4Address(raw))
        elif kind == 2:
            # PAP: hidden with the shared secret alone.
            fields["pap"] = True
        elif kind == 40 and len(raw) == 4:
            status = int.from_bytes(raw, "big")
            fields["acct_status"] = _STATUSES.get(status, f"unknown-{status}")
    return fields


PROTOCOL = Protocol(
    name="radius",
    transports=frozenset({"udp"}),
    ports=frozenset({1645, 1646, 1812, 1813}),
    recognises=lambda _side, _data: False,
    open=Conversation,
)

"""IPv6 neighbour discovery (RFC 4861, 8106): who claims an address, and who says it is the router or the resolver.

It belongs to no flow, so the sensor asks `read` for each ICMPv6 packet of these types.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from ipaddress import IPv6Address

from collector.protocols.frames import mac
from collector.protocols.model import Log, Malformed, Value

#: ICMPv6 types that `read` takes → the name of the operation, and where the options begin.
TYPES = {
    133: ("router_solicitation", 8),
    134: ("router_advertisement", 16),
    135: ("neighbour_solicitation", 24),
    136: ("neighbour_advertisement", 24),
    137: ("redirect", 40),
}
_MOST = 32


def read(at: int, source: str, destination: str, source_mac: bytes, packet: bytes) -> Sequence[Log]:
    """Return the log `nd` of an ICMPv6 packet (from its type on), none for other types.

    Fields: `op`, `src_ip`, `src_mac`, `dst_ip`; `target` and `link_mac` (the address it is bound to); of a router
    `lifetime` (seconds), `managed`, `other`, `prefixes`, `resolvers`. Raises Malformed for a packet that is cut.
    """
    if not packet or packet[0] not in TYPES:
        return ()
    name, options = TYPES[packet[0]]
    if len(packet) < options:
        raise Malformed("nd_truncated")
    fields: dict[str, Value] = {"op": name, "src_ip": source, "src_mac": mac(source_mac), "dst_ip": destination}
    if options >= 24:
        fields["target"] = str(IPv6Address(packet[8:24]))
    if packet[0] == 134:
        flags, lifetime = struct.unpack_from("!xBH", packet, 4)
        fields.update(lifetime=lifetime, managed=bool(flags & 0x80), other=bool(flags & 0x40))
    if packet[0] == 136:
        fields.update(solicited=bool(packet[4] & 0x40), override=bool(packet[4] & 0x20))
    _options(packet, options, fields)
    return (Log("nd", at, fields),)


def _options(packet: bytes, start: int, fields: dict[str, Value]) -> None:
    prefixes: list[str] = []
    resolvers: list[str] = []
    for kind, value in _each(packet, start):
        if kind in {1, 2} and len(value) >= 6:
            fields["link_mac"] = mac(value[:6])
        elif kind == 3 and len(value) >= 30:
            prefixes.append(f"{IPv6Address(value[14:30])}/{value[0]}")
        elif kind == 25:
            resolvers += [str(IPv6Address(value[at : at + 16])) for at in range(6, len(value) - 15, 16)]
    if prefixes:
        fields["prefixes"] = prefixes
    if resolvers:
        fields["resolvers"] = resolvers[:_MOST]


def _each(packet: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    for _ in range(_MOST):
        if at + 2 > len(packet):
            return
        size = packet[at + 1] * 8
        if not size or at + size > len(packet):
            raise Malformed("nd_option_length")
        yield packet[at], packet[at + 2 : at + size]
        at += size

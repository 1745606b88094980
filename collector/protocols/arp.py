"""ARP (RFC 826): who claims which address. It belongs to no flow, so the sensor asks `read` for each packet."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from ipaddress import IPv4Address

from collector.protocols.frames import mac
from collector.protocols.model import Log, Malformed

ETHERTYPE = 0x0806
_OPERATIONS = {1: "request", 2: "reply"}
_BODY = struct.Struct("!HHBBH6s4s6s4s")


def read(at: int, packet: bytes) -> Sequence[Log]:
    """Return the log of an ARP packet (without its link header): none for other hardware and other operations.

    Fields: `op`, `src_ip`, `src_mac`, `dst_ip`, `dst_mac` as the packet claims them; `gratuitous` where a host tells
    its own address unasked. Raises Malformed for a packet that is cut.
    """
    if len(packet) < _BODY.size:
        raise Malformed("arp_truncated")
    hardware, kind, hlen, plen, op, src_mac, src, dst_mac, dst = _BODY.unpack_from(packet)
    if (hardware, kind, hlen, plen) != (1, 0x0800, 6, 4) or op not in _OPERATIONS:
        return ()
    fields: dict[str, str | bool] = {
        "op": _OPERATIONS[op],
        "src_ip": str(IPv4Address(src)),
        "src_mac": mac(src_mac),
        "dst_ip": str(IPv4Address(dst)),
        "dst_mac": mac(dst_mac),
    }
    if src == dst:
        fields["gratuitous"] = True
    return (Log("arp", at, fields),)

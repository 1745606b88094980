"""A flow as Zeek's conn log tells it."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from functools import lru_cache
from hashlib import blake2b, sha1
from ipaddress import ip_address, ip_network
from itertools import product
from socket import inet_ntoa
from struct import Struct
from typing import NamedTuple

from collector.flows.history import conn_state
from collector.headers.transport import ICMP, ICMP6, SCTP, TCP, UDP, counterpart
from collector.protocols.model import Flow, Value

OFFICE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "fc00::/7", "fe80::/10")
"""Networks that are the office's own when nobody says otherwise."""
_NAMES = {TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMP6: "icmp"}
_WITH_HISTORY = frozenset({TCP, UDP})
_WITH_PORTS = frozenset({TCP, UDP, ICMP, ICMP6, SCTP})
_NO_MAC = bytes(6)
_NAMED, _PORTED = Struct(">qBHH").pack, Struct(">BBHH").pack
_DIGEST = 12
_LETTERS_ALONE = bytes.maketrans(b"+/", b"Zz")


class Conn(NamedTuple):
    """One flow, what is known of it now. Pairs are (originator, responder); times in nanoseconds.

    `bytes` are those of the payload, for TCP by sequence numbers, `payload` those that were seen.
    """

    number: int
    final: bool
    proto: int
    orig: bytes
    resp: bytes
    orig_p: int
    resp_p: int
    macs: tuple[bytes, bytes]
    vlans: tuple[int, int]
    first: int
    last: int
    history: str
    packets: tuple[int, int]
    ip_bytes: tuple[int, int]
    bytes: tuple[int, int]
    payload: tuple[int, int]

    @property
    def uid(self) -> str:
        """A name that follows from the flow itself, so that reading a file again gives the same one."""
        return uid_of(self.first, self.proto, (self.orig, self.orig_p), (self.resp, self.resp_p))

    def flow(self) -> Flow:
        """Return what a parser may know."""
        name = _NAMES.get(self.proto, "unknown_transport")
        return Flow(address(self.orig), self.orig_p, address(self.resp), self.resp_p, name)


def uid_of(first: int, proto: int, orig: tuple[bytes, int], resp: tuple[bytes, int]) -> str:
    """Return the name of a flow, as long as Zeek's."""
    text = b2a_base64(digest_of(_NAMED(first, proto, orig[1], resp[1]) + orig[0] + resp[0]), newline=False)
    return f"C{text.translate(_LETTERS_ALONE).decode('ascii')}"


def digest_of(source: bytes) -> bytes:
    """Return what a flow's name writes out, from what it follows from: `named` in `collector/slices/form.py`."""
    return blake2b(source, digest_size=_DIGEST).digest()


def digests_of(uid: str) -> frozenset[bytes]:
    """Return the digests whose name this is: two letters stand for two signs each. None for names that are not ours."""
    if len(uid) != 1 + _DIGEST * 4 // 3 or not uid.startswith("C") or not uid.isalnum() or not uid.isascii():
        return frozenset()
    signs = ({"Z": "Z+", "z": "z/"}.get(sign, sign) for sign in uid[1:])
    return frozenset(a2b_base64("".join(one)) for one in product(*signs))


def address(packed: bytes) -> str:
    """Return an address as text."""
    return inet_ntoa(packed) if len(packed) == 4 else _long_address(packed)


@lru_cache(maxsize=65_536)
def _long_address(packed: bytes) -> str:
    return str(ip_address(packed))


class Office:
    """The office's own networks."""

    def __init__(self, networks: tuple[str, ...] = OFFICE) -> None:
        """Take networks as text; raises ValueError."""
        read = [ip_network(text) for text in networks]
        self._networks = {
            size: [(int(one.netmask), int(one.network_address)) for one in read if one.max_prefixlen == 8 * size]
            for size in (4, 16)
        }

    def holds(self, packed: bytes) -> bool:
        """Tell whether an address is the office's own."""
        number = int.from_bytes(packed, "big")
        return any(number & mask == begin for mask, begin in self._networks[len(packed)])


def conn_fields(conn: Conn, office: Office, service: str) -> dict[str, Value]:
    """Return the fields of the log, but for those that every log of the flow has."""
    (orig_bytes, resp_bytes), (orig_seen, resp_seen) = conn.bytes, conn.payload
    (orig_pkts, resp_pkts), (orig_ip, resp_ip) = conn.packets, conn.ip_bytes
    state = conn_state(
        conn.proto,
        conn.history,
        bytes_seen=orig_bytes > 0 or resp_bytes > 0,
        orig=orig_pkts > 0,
        resp=resp_pkts > 0,
    )
    fields: dict[str, Value] = {
        "proto": _NAMES.get(conn.proto, "unknown_transport"),
        "duration": round((conn.last - conn.first) / 1e9, 6),
        "orig_bytes": orig_bytes,
        "resp_bytes": resp_bytes,
        "conn_state": state,
        "local_orig": office.holds(conn.orig),
        "local_resp": office.holds(conn.resp),
        "missed_bytes": max(0, orig_bytes - orig_seen) + max(0, resp_bytes - resp_seen),
        "orig_pkts": orig_pkts,
        "orig_ip_bytes": orig_ip,
        "resp_pkts": resp_pkts,
        "resp_ip_bytes": resp_ip,
        "community_id": community_id(conn.proto, (conn.orig, conn.orig_p), (conn.resp, conn.resp_p)),
    }
    if conn.proto in _WITH_HISTORY:
        fields["history"] = conn.history
    else:
        fields["ip_proto"] = conn.proto
    if service:
        fields["service"] = service
    _add_link(fields, conn)
    return fields


def _add_link(fields: dict[str, Value], conn: Conn) -> None:
    orig, resp = conn.macs
    if orig != _NO_MAC:
        fields["orig_l2_addr"] = orig.hex(":")
    if resp != _NO_MAC:
        fields["resp_l2_addr"] = resp.hex(":")
    outer, inner = conn.vlans
    if outer >= 0:
        fields["vlan"] = outer
    if inner >= 0:
        fields["inner_vlan"] = inner


def community_id(proto: int, source: tuple[bytes, int], target: tuple[bytes, int], seed: int = 0) -> str:
    """Return a flow's community id, version 1 (github.com/corelight/community-id-spec)."""
    one_way = proto in {ICMP, ICMP6} and not _answered(proto, source[1], target[1])
    if target < source and not one_way:
        source, target = target, source
    text = seed.to_bytes(2, "big") + source[0] + target[0]
    if proto in _WITH_PORTS:
        text += _PORTED(proto, 0, source[1], target[1])
    else:
        text += bytes((proto, 0))
    return f"1:{b2a_base64(sha1(text, usedforsecurity=False).digest(), newline=False).decode('ascii')}"


def _answered(proto: int, kind: int, other: int) -> bool:
    return counterpart(proto, kind) == other

"""A flow as Zeek's conn log tells it."""

from __future__ import annotations

from base64 import b64encode
from functools import lru_cache
from hashlib import blake2b, sha1
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from struct import pack
from typing import NamedTuple

from collector.flows.history import conn_state
from collector.headers.transport import ICMP, ICMP6, SCTP, TCP, UDP, counterpart
from collector.protocols.model import Flow, Value

Network = IPv4Network | IPv6Network
OFFICE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "fc00::/7", "fe80::/10")
"""Networks that are the office's own when nobody says otherwise."""
_NAMES = {TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMP6: "icmp"}
_NO_MAC = bytes(6)


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
    source = pack(">qBHH", first, proto, orig[1], resp[1]) + orig[0] + resp[0]
    text = b64encode(blake2b(source, digest_size=12).digest(), b"Zz").decode("ascii")
    return f"C{text}"


@lru_cache(maxsize=65_536)
def address(packed: bytes) -> str:
    """Return an address as text."""
    return str(ip_address(packed))


class Office:
    """The office's own networks."""

    def __init__(self, networks: tuple[str, ...] = OFFICE) -> None:
        """Take networks as text; raises ValueError."""
        self._networks: tuple[Network, ...] = tuple(ip_network(text) for text in networks)
        self.holds = lru_cache(maxsize=65_536)(self._holds)

    def _holds(self, packed: bytes) -> bool:
        place = ip_address(packed)
        return any(place.version == network.version and place in network for network in self._networks)


def conn_fields(conn: Conn, office: Office, service: str) -> dict[str, Value]:
    """Return the fields of the log, but for those that every log of the flow has."""
    tcp = conn.proto == TCP
    state = conn_state(
        conn.proto,
        conn.history,
        bytes_seen=any(conn.bytes),
        orig=conn.packets[0] > 0,
        resp=conn.packets[1] > 0,
    )
    fields: dict[str, Value] = {
        "proto": _NAMES.get(conn.proto, "unknown_transport"),
        "duration": round((conn.last - conn.first) / 1e9, 6),
        "orig_bytes": conn.bytes[0],
        "resp_bytes": conn.bytes[1],
        "conn_state": state,
        "local_orig": office.holds(conn.orig),
        "local_resp": office.holds(conn.resp),
        "missed_bytes": sum(max(0, all_ - seen) for all_, seen in zip(conn.bytes, conn.payload, strict=True)),
        "orig_pkts": conn.packets[0],
        "orig_ip_bytes": conn.ip_bytes[0],
        "resp_pkts": conn.packets[1],
        "resp_ip_bytes": conn.ip_bytes[1],
        "community_id": community_id(conn),
    }
    if tcp or conn.proto == UDP:
        fields["history"] = conn.history
    else:
        fields["ip_proto"] = conn.proto
    if service:
        fields["service"] = service
    for name, mac in zip(("orig_l2_addr", "resp_l2_addr"), conn.macs, strict=True):
        if mac != _NO_MAC:
            fields[name] = mac.hex(":")
    tags = zip(("vlan", "inner_vlan"), conn.vlans, strict=True)
    fields.update({name: vlan for name, vlan in tags if vlan >= 0})
    return fields


def community_id(conn: Conn, seed: int = 0) -> str:
    """Return the flow's community id, version 1 (github.com/corelight/community-id-spec)."""
    source, target = (conn.orig, conn.orig_p), (conn.resp, conn.resp_p)
    one_way = conn.proto in {ICMP, ICMP6} and not _answered(conn.proto, conn.orig_p, conn.resp_p)
    if target < source and not one_way:
        source, target = target, source
    text = pack(">H", seed) + source[0] + target[0] + pack("BB", conn.proto, 0)
    if conn.proto in {TCP, UDP, ICMP, ICMP6, SCTP}:
        text += pack(">HH", source[1], target[1])
    return f"1:{b64encode(sha1(text, usedforsecurity=False).digest()).decode('ascii')}"


def _answered(proto: int, kind: int, other: int) -> bool:
    return counterpart(proto, kind) == other

"""TCP, UDP, ICMP and SCTP: ports, payload, flags, and the key under which both directions of a flow meet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collector.arrays import Flags, Hashes, Ints, Words
from collector.headers.network import NO_PROTO, Network

ICMP, TCP, UDP, ICMP6, SCTP = 1, 6, 17, 58, 132
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
_SIZES = {TCP: 20, UDP: 8, ICMP: 8, ICMP6: 8, SCTP: 12}
_PAIRS = {
    ICMP: {8: 0, 13: 14, 15: 16, 17: 18, 10: 9},
    ICMP6: {128: 129, 133: 134, 135: 136, 130: 131, 139: 140, 144: 145},
}
"""Types that ask and the types that answer (as Zeek and the community id pair them)."""


def _counterparts(proto: int) -> Ints:
    table = np.full(256, -1, np.int64)
    for ask, answer in _PAIRS[proto].items():
        table[ask], table[answer] = answer, ask
    return table


_COUNTERPARTS = {proto: _counterparts(proto) for proto in _PAIRS}


def counterpart(proto: int, kind: int) -> int:
    """Return the ICMP type that answers a type or is answered by it, -1 where there is none."""
    return int(_COUNTERPARTS[proto][kind])


@dataclass(slots=True)
class Transport:
    """For each frame: ports (for ICMP type and the answer's type, or the code), and where the payload lies.

    `length` is the payload's by the IP header, `captured` what there is of it; `seq`, `flags`, `window` are TCP's.
    `whole` tells that the transport's header was captured.
    """

    source: Ints
    target: Ints
    payload: Ints
    length: Ints
    captured: Ints
    seq: Ints
    flags: Ints
    window: Ints
    whole: Flags


def read_transport(words: Words, network: Network, captured: Ints) -> Transport:
    """Return the transport headers; `captured` is where the captured frames end."""
    at, proto = network.transport, network.proto
    tcp = proto == TCP
    size = np.select([proto == number for number in _SIZES], list(_SIZES.values()), 0)
    whole = (network.version > 0) & (proto != NO_PROTO) & ~network.fragment & (at + size <= captured)
    size = np.where(tcp, (words.u8(at + 12) >> 4) * 4, size)
    whole &= ~tcp | (size >= 20)
    ported = tcp | (proto == UDP) | (proto == SCTP)
    source, target = np.where(ported, words.u16(at), 0), np.where(ported, words.u16(at + 2), 0)
    for number, table in _COUNTERPARTS.items():
        rows = np.flatnonzero(proto == number)
        if len(rows):
            source[rows] = words.u8(at[rows])
            answer = table[source[rows]]
            target[rows] = np.where(answer >= 0, answer, words.u8(at[rows] + 1))
    payload = at + size
    length = np.maximum(network.end - payload, 0)
    there = np.clip(captured - payload, 0, length)
    flags = np.where(tcp, words.u8(at + 13), 0)
    return Transport(source, target, payload, length, there, words.u32(at + 4), flags, words.u16(at + 14), whole)


_KEYS = np.random.default_rng().integers(1 << 62, 1 << 63, 4, dtype=np.uint64) | np.uint64(1)


def _mixed(value: Hashes) -> Hashes:
    value = value * _KEYS[0]
    value ^= value >> np.uint64(29)
    value *= _KEYS[1]
    return value ^ (value >> np.uint64(32))


def flow_keys(words: Words, network: Network, net: Ints, transport: Transport) -> tuple[Hashes, Ints]:
    """Return a key that is the same for both directions of a flow, its last bit free, and the direction (0, 1).

    The keys differ from one start of the process to the next, so that nobody can make flows that share one.
    """
    source, target = words.u32(net + 12).astype(np.uint64), words.u32(net + 16).astype(np.uint64)
    rows = np.flatnonzero(network.version == 6)
    if len(rows):
        at = net[rows]
        source[rows] = _mixed(words.u64(at + 8)) + words.u64(at + 16) * _KEYS[2]
        target[rows] = _mixed(words.u64(at + 24)) + words.u64(at + 32) * _KEYS[2]
    one = _ends(source, transport.source)
    other = _ends(target, transport.target)
    side = (one > other).astype(np.int64)
    key = _mixed(np.minimum(one, other)) + _mixed(np.maximum(one, other) ^ _KEYS[3]) * _KEYS[2]
    key += network.proto.astype(np.uint64)
    key ^= key >> np.uint64(31)
    key &= ~np.uint64(1)
    return key, side


def _ends(address: Hashes, port: Ints) -> Hashes:
    turned: Hashes = (address << np.uint64(16)) | (address >> np.uint64(48))
    return np.bitwise_xor(turned, port.astype(np.uint64))

"""IPv4 (RFC 791) and IPv6 (RFC 8200) with its extension headers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collector.arrays import Flags, Ints, Words
from collector.headers.link import IPV4, IPV6

NO_PROTO = -1
FRAGMENT = 44
_AUTH = 51
_EXTENSIONS = (0, 43, 60, 135, 139, 140, _AUTH, FRAGMENT)
_DEPTH = 32
"""Extension headers that are followed; a packet with more is not read."""


@dataclass(slots=True)
class Network:
    """For each frame: the IP version (0: no IP that can be read), the transport's protocol and where it begins.

    `end` is where the IP packet ends by its own word, `fragment` tells that it is a piece of one, `extension` is
    where an IPv6 fragment header stands (0: none), and `pointer` the byte that names it as the next header.
    """

    version: Ints
    proto: Ints
    transport: Ints
    end: Ints
    fragment: Flags
    extension: Ints
    pointer: Ints


def read_network(words: Words, kind: Ints, net: Ints, captured: Ints, wire: Ints) -> Network:
    """Return the IP headers that begin at `net`; `captured` and `wire` are where the frames end."""
    first = words.u8(net)
    size = (first & 15) * 4
    four = (kind == IPV4) & (first >> 4 == 4) & (size >= 20) & (net + size <= captured)
    six = (kind == IPV6) & (first >> 4 == 6) & (net + 40 <= captured)
    version = np.where(four, 4, np.where(six, 6, 0))
    proto = np.where(four, words.u8(net + 9), NO_PROTO)
    long = np.where(four, words.u16(net + 2), 0)
    fragment = four & ((words.u16(net + 6) & 0x3FFF) != 0)
    transport = net + size
    zeros = np.zeros(len(net), np.int64)
    network = Network(version, proto, transport, net + long, fragment, zeros, zeros.copy())
    if six.any():
        _six(words, network, np.flatnonzero(six), net)
    # A length of zero comes from cards that cut segments themselves: the frame tells how long it is.
    network.end = np.where((network.end <= transport) | (long == 0) & four, wire, network.end)
    rows = np.flatnonzero((version > 0) & np.isin(network.proto, _EXTENSIONS))
    if len(rows):
        _extensions(words, network, rows, captured)
    return network


def _six(words: Words, network: Network, rows: Ints, net: Ints) -> None:
    at = net[rows]
    network.proto[rows] = words.u8(at + 6)
    network.transport[rows] = at + 40
    network.end[rows] = at + 40 + words.u16(at + 4)
    network.pointer[rows] = at + 6


def _extensions(words: Words, network: Network, rows: Ints, captured: Ints) -> None:
    """Go on to the transport; where an IPv6 packet does not come to it, there is none."""
    _follow(words, network, rows, captured)
    rows = rows[(network.version[rows] == 6) & ~network.fragment[rows]]
    network.proto[rows[np.isin(network.proto[rows], _EXTENSIONS)]] = NO_PROTO


def _follow(words: Words, network: Network, rows: Ints, captured: Ints) -> None:
    for _ in range(_DEPTH):
        proto, at = network.proto[rows], network.transport[rows]
        follows = np.isin(proto, _EXTENSIONS) & ((network.version[rows] == 6) | (proto == _AUTH))
        follows &= (at + 8 <= captured[rows]) & ~network.fragment[rows]
        rows, proto, at = rows[follows], proto[follows], at[follows]
        if not len(rows):
            return
        following = words.u8(at)
        length = words.u8(at + 1)
        size = np.where(proto == FRAGMENT, 8, np.where(proto == _AUTH, (length + 2) * 4, (length + 1) * 8))
        piece = (proto == FRAGMENT) & ((words.u16(at + 2) & 0xFFF9) != 0)
        network.fragment[rows] = piece
        network.extension[rows] = np.where(piece, at, network.extension[rows])
        network.pointer[rows] = np.where(piece, network.pointer[rows], at)
        network.proto[rows] = following
        network.transport[rows] = at + size

"""Packets inside packets, one level.

IP in IP (RFC 2003, 4213), GRE (RFC 2784, 2890) with ERSPAN, VXLAN (RFC 7348), Geneve (RFC 8926),
GTP-U (3GPP TS 29.281).
"""

from __future__ import annotations

import numpy as np

from collector.arrays import Flags, Ints, Words
from collector.headers.link import IPV4, IPV6, NO_MAC, NOTHING, Links, by_version, tunnelled
from collector.headers.network import Network, read_network

_IP_IN_IP, _SIX_IN_IP, _UDP, _GRE = 4, 41, 17, 47
_VXLAN_PORT, _VXLAN_OF_LINUX, _GENEVE_PORT, _GTP_PORT = 4789, 8472, 6081, 2152
_BRIDGED, _ERSPAN, _ERSPAN_3 = 0x6558, 0x88BE, 0x22EB


def unwrap(words: Words, links: Links, network: Network, captured: Ints, wire: Ints) -> Flags:
    """Put the inner headers in the place of the outer ones where there are any; return the rows that were inside."""
    whole = (network.version > 0) & ~network.fragment
    inside = np.zeros(len(whole), np.bool_)
    found = [read(words, network, whole) for read in (_ip, _gre, _vxlan, _geneve, _gtp)]
    for rows, begin, carried, bridged in found:
        if not len(rows):
            continue
        kind, at, mac = carried, begin, np.where(bridged, begin, NO_MAC)
        if bridged.any():
            frames = tunnelled(words, begin)
            kind, at = np.where(bridged, frames.kind, carried), np.where(bridged, frames.net, begin)
        inner = read_network(words, kind, at, captured[rows], wire[rows])
        good = inner.version > 0
        keep = rows[good]
        for name in ("version", "proto", "transport", "end", "fragment", "extension", "pointer"):
            getattr(network, name)[keep] = getattr(inner, name)[good]
        links.kind[keep], links.net[keep], links.mac[keep] = kind[good], at[good], mac[good]
        inside[keep] = True
    return inside


_Found = tuple[Ints, Ints, Ints, Flags]


def _ip(words: Words, network: Network, whole: Flags) -> _Found:
    rows = np.flatnonzero(whole & ((network.proto == _IP_IN_IP) | (network.proto == _SIX_IN_IP)))
    at = network.transport[rows]
    return rows, at, by_version(words, at), np.zeros(len(rows), np.bool_)


def _gre(words: Words, network: Network, whole: Flags) -> _Found:
    rows = np.flatnonzero(whole & (network.proto == _GRE))
    if not len(rows):
        return _none()
    at = network.transport[rows]
    bits, kind = words.u16(at), words.u16(at + 2)
    size = 4 + 4 * ((bits >> 15 & 1) + (bits >> 13 & 1) + (bits >> 12 & 1))
    # ERSPAN II comes with a sequence number and 8 bytes, the first version without either, the third with 12 bytes.
    size += np.where((kind == _ERSPAN) & (bits >> 12 & 1 == 1), 8, np.where(kind == _ERSPAN_3, 12, 0))
    bridged = np.isin(kind, (_BRIDGED, _ERSPAN, _ERSPAN_3))
    known = ((bits & 7) == 0) & (bridged | (kind == IPV4) | (kind == IPV6))
    return rows[known], (at + size)[known], kind[known], bridged[known]


def _vxlan(words: Words, network: Network, whole: Flags) -> _Found:
    rows = np.flatnonzero(whole & (network.proto == _UDP))
    if len(rows):
        at = network.transport[rows]
        port = words.u16(at + 2)
        known = ((port == _VXLAN_PORT) | (port == _VXLAN_OF_LINUX)) & ((words.u8(at + 8) & 0x08) != 0)
        rows = rows[known]
    if not len(rows):
        return _none()
    return rows, network.transport[rows] + 16, np.full(len(rows), NOTHING), np.ones(len(rows), np.bool_)


def _geneve(words: Words, network: Network, whole: Flags) -> _Found:
    rows = np.flatnonzero(whole & (network.proto == _UDP))
    if len(rows):
        at = network.transport[rows]
        rows = rows[(words.u16(at + 2) == _GENEVE_PORT) & (words.u8(at + 8) >> 6 == 0)]
    if not len(rows):
        return _none()
    at = network.transport[rows] + 8
    kind, size = words.u16(at + 2), 8 + 4 * (words.u8(at) & 0x3F)
    bridged = kind == _BRIDGED
    known = bridged | (kind == IPV4) | (kind == IPV6)
    return rows[known], (at + size)[known], kind[known], bridged[known]


def _gtp(words: Words, network: Network, whole: Flags) -> _Found:
    rows = np.flatnonzero(whole & (network.proto == _UDP))
    if len(rows):
        at = network.transport[rows]
        # Version 1 of the protocol for users' packets, message G-PDU.
        rows = rows[(words.u16(at + 2) == _GTP_PORT) & (words.u8(at + 8) & 0xF0 == 0x30) & (words.u8(at + 9) == 0xFF)]
    if not len(rows):
        return _none()
    at = network.transport[rows] + 8
    options = words.u8(at) & 7
    size = np.where(options != 0, 12, 8)
    extended = (options & 4 != 0) & (words.u8(at + 11) != 0)
    at += np.where(extended, size + 4 * words.u8(at + size), size)
    return rows, at, by_version(words, at), np.zeros(len(rows), np.bool_)


def _none() -> _Found:
    empty = np.zeros(0, np.int64)
    return empty, empty, empty, np.zeros(0, np.bool_)

"""What stands before the network header: the link's own header, VLAN tags, MPLS labels, PPPoE."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collector.arrays import Ints, Words
from collector.capture.batch import NO_VLAN, Batch, Link
from collector.headers.framing import logged, point_to_point, radiotap, wireless

IPV4, ARP, IPV6, NOTHING = 0x0800, 0x0806, 0x86DD, 0
"""EtherTypes (IEEE 802 numbers), and what is no EtherType."""
NO_MAC = -1
TAGS = (0x8100, 0x88A8, 0x9100)
"""EtherTypes of VLAN tags."""
_MPLS = (0x8847, 0x8848)
_PPPOE = 0x8864
MAX_TAGS = 8
"""VLAN tags that are taken off; a frame with more is not read."""
LENGTHS = 1500
"""The greatest of an 802.3 frame's lengths, which stand where others have an EtherType."""
_SNAP = 0xAAAA0300
_LABELS = 8
"""MPLS labels that are looked at."""
_PPP = {0x0021: IPV4, 0x0057: IPV6}
_FLAT = {
    Link.NULL: 4, Link.LOOP: 4, Link.ENC: 12,
    Link.RAW: 0, Link.RAW_BSD: 0, Link.RAW_OPENBSD: 0, Link.IPV4: 0, Link.IPV6: 0,
}  # fmt: skip
"""Links on which IP stands after so many bytes and says its version itself."""


@dataclass(slots=True)
class Links:
    """For each frame: the EtherType of its content and where that begins, the Ethernet header (or NO_MAC), VLANs."""

    kind: Ints
    net: Ints
    mac: Ints
    vlan: Ints
    inner: Ints


def read_links(batch: Batch, words: Words) -> Links:
    """Return what the frames of a batch carry."""
    links = outermost(batch, words)
    _below(words, links)
    return links


def outermost(batch: Batch, words: Words) -> Links:
    """Return what stands right behind the links' own headers; tags are still on."""
    links = ethernet(words, batch.start)
    links.vlan = batch.vlan.copy()
    if not (batch.link == Link.ETHERNET).all():
        _others(batch, words, links)
    return links


def ethernet(words: Words, start: Ints) -> Links:
    """Return the content of Ethernet frames that begin at these offsets; tags are still on."""
    nothing = np.full(len(start), NO_VLAN, np.int64)
    return Links(words.u16(start + 12), start + 14, start.copy(), nothing, nothing.copy())


def tunnelled(words: Words, start: Ints) -> Links:
    """Return the content of Ethernet frames inside a tunnel."""
    links = ethernet(words, start)
    _below(words, links)
    return links


def _others(batch: Batch, words: Words, links: Links) -> None:
    foreign = batch.link != Link.ETHERNET
    links.mac[foreign] = NO_MAC
    links.kind[foreign] = NOTHING
    for number in np.unique(batch.link[foreign]).tolist():
        rows = np.flatnonzero(batch.link == number)
        start = batch.start[rows]
        if number == Link.SLL:
            links.kind[rows], links.net[rows] = words.u16(start + 14), start + 16
        elif number == Link.SLL2:
            links.kind[rows], links.net[rows] = words.u16(start), start + 20
        elif number == Link.PPP:
            protocol, links.net[rows] = point_to_point(words, start)
            links.kind[rows] = _of_ppp(protocol)
        elif number == Link.PPPOE:
            links.kind[rows], links.net[rows] = _PPPOE, start
        elif number == Link.WIRELESS:
            links.kind[rows], links.net[rows] = wireless(words, start)
        elif number == Link.RADIOTAP:
            links.kind[rows], links.net[rows] = radiotap(words, start)
        elif number == Link.NFLOG:
            links.net[rows] = logged(words, start)
            links.kind[rows] = by_version(words, links.net[rows])
        elif number in _FLAT:
            links.net[rows] = start + _FLAT[Link(number)]
            links.kind[rows] = by_version(words, links.net[rows])


def by_version(words: Words, at: Ints) -> Ints:
    """Return the EtherType of what begins here, as the version of an IP header tells it."""
    version = words.u8(at) >> 4
    return np.where(version == 4, IPV4, np.where(version == 6, IPV6, NOTHING))


def _below(words: Words, links: Links) -> None:
    for _ in range(MAX_TAGS):
        rows = np.flatnonzero(np.isin(links.kind, TAGS))
        if not len(rows):
            break
        _untag(words, links, rows)
    rows = np.flatnonzero((links.kind > 0) & (links.kind <= LENGTHS))
    if len(rows):
        _unwrap(words, links, rows)
    rows = np.flatnonzero(np.isin(links.kind, _MPLS))
    if len(rows):
        _unlabel(words, links, rows)
    rows = np.flatnonzero(links.kind == _PPPOE)
    if len(rows):
        links.kind[rows] = _of_ppp(words.u16(links.net[rows] + 6))
        links.net[rows] += 8


def _of_ppp(protocol: Ints) -> Ints:
    """Return the EtherTypes of protocols within PPP."""
    kinds: Ints = np.select([protocol == number for number in _PPP], list(_PPP.values()), NOTHING)
    return kinds


def _untag(words: Words, links: Links, rows: Ints) -> None:
    at = links.net[rows]
    tag = words.u16(at) & 0xFFF
    outer = links.vlan[rows] == NO_VLAN
    links.vlan[rows] = np.where(outer, tag, links.vlan[rows])
    links.inner[rows] = np.where(outer, NO_VLAN, tag)
    links.kind[rows] = words.u16(at + 2)
    links.net[rows] = at + 4


def _unwrap(words: Words, links: Links, rows: Ints) -> None:
    """Take the LLC and SNAP headers off (RFC 1042) before what has an EtherType behind them."""
    at = links.net[rows]
    known = (words.u32(at) == _SNAP) & (words.u16(at + 4) == 0)
    rows, at = rows[known], at[known]
    links.kind[rows], links.net[rows] = words.u16(at + 6), at + 8


def _unlabel(words: Words, links: Links, rows: Ints) -> None:
    """Take MPLS labels off (RFC 3032); what follows says by its first four bits what it is (RFC 4928)."""
    at = links.net[rows]
    more = np.ones(len(rows), np.bool_)
    for _ in range(_LABELS):
        bottom = (words.u8(at + 2) & 1) == 1
        at = np.where(more, at + 4, at)
        more &= ~bottom
    kind = by_version(words, at)
    wire = (kind == NOTHING) & ((words.u8(at) >> 4) == 0)  # a pseudowire: control word, then Ethernet (RFC 4448)
    links.kind[rows] = np.where(wire, words.u16(at + 4 + 12), kind)
    links.net[rows] = np.where(wire, at + 4 + 14, at)

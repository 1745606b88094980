"""What is not to be watched: hosts, VLANs and ports, left out of files as the kernel leaves them out of a card.

One rule is `host=10.1.0.5`, `host=10.2.0.0/16`, `vlan=40`, `port=3260`, or several joined by commas, all of which a
frame must satisfy. A frame is left out when any rule fits. Looked at are up to two VLAN tags (and the one that the card
took off), the outermost IP header, and the ports of TCP, UDP and SCTP right behind it; of IP fragments only the first
has ports. What is behind MPLS, PPPoE or IPv6 extension headers has none of all that: it is watched.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_network

import numpy as np

from collector.arrays import Flags, Ints, Words
from collector.capture.batch import NO_VLAN, Batch
from collector.headers.link import IPV4, IPV6, TAGS, outermost

MAX_RULES = 64
PORTED = (6, 17, 132)
"""Protocols whose headers begin with two ports: TCP, UDP, SCTP."""
NO_PORT = 1 << 16
_TAG_DEPTH = 2


class BadRule(ValueError):
    """A rule that cannot be read; the text says which, in Polish."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What is left out. `network` is (IP version, words of the address, words of its mask); None and -1 fit all."""

    network: tuple[int, tuple[int, ...], tuple[int, ...]] | None = None
    vlan: int = -1
    port: int = -1


def read_rules(texts: Iterable[str]) -> tuple[Rule, ...]:
    """Return the rules; raises BadRule."""
    found = tuple(_rule(text) for text in texts)
    if len(found) > MAX_RULES:
        raise BadRule(f"najwyżej {MAX_RULES} reguł pomijania, podano {len(found)}")
    return found


def _rule(text: str) -> Rule:
    parts = dict(part.strip().partition("=")[::2] for part in text.split(","))
    try:
        rule = Rule(
            _network(parts.pop("host")) if "host" in parts else None,
            _number(parts.pop("vlan", ""), 4095),
            _number(parts.pop("port", ""), 65_535),
        )
    except ValueError:
        raise BadRule(f"nie rozumiem reguły pomijania „{text}”") from None
    if parts or rule == Rule():
        raise BadRule(f"nie rozumiem reguły pomijania „{text}”")
    return rule


def _number(text: str, most: int) -> int:
    if not text:
        return -1
    if not (text.isascii() and text.isdigit()) or int(text[:6]) > most:
        raise ValueError(text)
    return int(text)


def _network(text: str) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    network = ip_network(text, strict=False)
    return network.version, _words(network.network_address.packed), _words(network.netmask.packed)


def _words(packed: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(packed[at : at + 4], "big") for at in range(0, len(packed), 4))


@dataclass(slots=True)
class _Frames:
    """What the rules look at, a row a frame; a frame without IP has version 0, one without ports NO_PORT."""

    vlans: list[Ints]
    version: Ints
    net: Ints
    ports: list[Ints] = field(default_factory=list)


class LeaveOut:
    """Rules applied to batches; `frames` counts what was left out."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self._rules = rules
        self.frames = 0

    def kept(self, batch: Batch) -> Batch:
        """Return the frames that are watched."""
        if not self._rules or not len(batch):
            return batch
        gone = fitting(batch, self._rules)
        count = int(gone.sum())
        self.frames += count
        return batch.at_rows(np.flatnonzero(~gone)) if count else batch


def fitting(batch: Batch, rules: tuple[Rule, ...]) -> Flags:
    """Tell which frames any of the rules fits."""
    words = Words(batch.data)
    frames = _frames(batch, words)
    gone = np.zeros(len(batch), np.bool_)
    for rule in rules:
        gone |= _fits(rule, words, frames)
    return gone


def _frames(batch: Batch, words: Words) -> _Frames:
    captured = batch.start + batch.caplen
    links = outermost(batch, words)
    vlans = [batch.vlan]
    kind = np.where(links.net <= captured, links.kind, 0)
    for _ in range(_TAG_DEPTH):
        tagged = np.isin(kind, TAGS) & (links.net + 4 <= captured)
        vlans.append(np.where(tagged, words.u16(links.net) & 0xFFF, NO_VLAN))
        kind = np.where(tagged, words.u16(links.net + 2), kind)
        links.net = np.where(tagged, links.net + 4, links.net)
    net, first = links.net, words.u8(links.net)
    four = (kind == IPV4) & (first >> 4 == 4) & (net + 20 <= captured)
    six = (kind == IPV6) & (first >> 4 == 6) & (net + 40 <= captured)
    frames = _Frames(vlans, np.where(four, 4, np.where(six, 6, 0)), net)
    proto = np.where(four, words.u8(net + 9), words.u8(net + 6))
    at = net + np.where(four, (first & 15) * 4, 40)
    ported = (frames.version > 0) & np.isin(proto, PORTED) & (at + 4 <= captured)
    ported &= ~four | (words.u16(net + 6) & 0x1FFF == 0)
    frames.ports = [np.where(ported, words.u16(at + place), NO_PORT) for place in (0, 2)]
    return frames


def _fits(rule: Rule, words: Words, frames: _Frames) -> Flags:
    fits = np.ones(len(frames.net), np.bool_)
    if rule.vlan >= 0:
        fits &= np.any([vlan == rule.vlan for vlan in frames.vlans], axis=0)
    if rule.port >= 0:
        fits &= np.any([port == rule.port for port in frames.ports], axis=0)
    if rule.network is not None:
        version, address, mask = rule.network
        fits &= frames.version == version
        places = (12, 16) if version == 4 else (8, 24)
        fits &= np.any([_inside(words, frames.net + place, address, mask) for place in places], axis=0)
    return fits


def _inside(words: Words, at: Ints, address: tuple[int, ...], mask: tuple[int, ...]) -> Flags:
    found = np.ones(len(at), np.bool_)
    for place, (word, bits) in enumerate(zip(address, mask, strict=True)):
        found &= words.u32(at + 4 * place) & bits == word
    return found

"""Many frames at once: one buffer and a column for each thing that the capture knows of a frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from collector.arrays import PAD, Bytes, Ints

MAX_FRAME = 1 << 18
"""Bytes of one captured frame; libpcap's own bound. What claims to be longer is not a frame."""
NO_VLAN = -1


class Link(IntEnum):
    """Link types that are read, by their LINKTYPE_ numbers (tcpdump.org/linktypes.html)."""

    NULL = 0
    ETHERNET = 1
    PPP = 9
    RAW_BSD = 12
    RAW_OPENBSD = 14
    PPPOE = 51
    RAW = 101
    WIRELESS = 105
    LOOP = 108
    ENC = 109
    SLL = 113
    RADIOTAP = 127
    IPV4 = 228
    IPV6 = 229
    NFLOG = 239
    SLL2 = 276


@dataclass(frozen=True, slots=True)
class Batch:
    """Frames in the order of their arrival.

    `data` holds them all, and at least PAD bytes after the last; `start` is the offset of each, `caplen` the bytes
    that were captured, `wire` those that it had, `at` its time in nanoseconds of Unix time, `link` its link type,
    `vlan` the VLAN that the network card took off (NO_VLAN where none).
    """

    data: Bytes
    start: Ints
    caplen: Ints
    wire: Ints
    at: Ints
    link: Ints
    vlan: Ints

    def __len__(self) -> int:
        return len(self.start)

    def rows(self, first: int, end: int) -> Batch:
        """Return the frames from `first` up to `end` on the same buffer."""
        part = slice(first, end)
        columns = (self.start, self.caplen, self.wire, self.at, self.link, self.vlan)
        return Batch(self.data, *(column[part] for column in columns))

    def at_rows(self, rows: Ints) -> Batch:
        """Return the frames in these rows on the same buffer."""
        columns = (self.start, self.caplen, self.wire, self.at, self.link, self.vlan)
        return Batch(self.data, *(column[rows] for column in columns))

    def replaced(self, rows: Ints, others: Batch) -> Batch:
        """Return the frames on a new buffer, with others in these rows; their times and VLANs stay."""
        start, caplen, wire, link = (column.copy() for column in (self.start, self.caplen, self.wire, self.link))
        start[rows] = others.start + len(self.data)
        caplen[rows], wire[rows], link[rows] = others.caplen, others.wire, others.link
        return Batch(np.concatenate([self.data, others.data]), start, caplen, wire, self.at, link, self.vlan)

    def split(self, longest: int) -> Iterator[Batch]:
        """Yield parts of which none lasts longer than `longest` nanoseconds or goes back by more."""
        first = 0
        while first < len(self):
            away = np.abs(self.at[first:] - self.at[first]) > longest
            end = first + int(away.argmax()) if away.any() else len(self)
            yield self.rows(first, end)
            first = end


def batch_of(frames: list[bytes], at: list[int], link: int, vlan: int = NO_VLAN) -> Batch:
    """Return a batch of whole frames of one link type; times in nanoseconds."""
    lengths = np.array([len(frame) for frame in frames], np.int64)
    data = np.frombuffer(b"".join(frames) + bytes(PAD), np.uint8)
    start = np.cumsum(lengths) - lengths
    return Batch(data, start, lengths, lengths, np.array(at, np.int64), filled(frames, link), filled(frames, vlan))


def filled(like: list[bytes] | Ints, value: int) -> Ints:
    """Return a column of one value, as long as `like`."""
    return np.full(len(like), value, np.int64)

"""Bulk that is passed over before Python looks at any packet of it: by the words that a protocol resumes at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from collector.arrays import Flags, Ints, Words
from collector.protocols.model import Landmark

_WORD = 4


class Packets(NamedTuple):
    """Packets in their order: where their payload begins and its bytes, whose they are, their landmarks' numbers."""

    payload: Ints
    size: Ints
    side: Ints
    landmark: Ints


def before(words: Words, packets: Packets, landmarks: Mapping[int, Landmark]) -> Flags:
    """Tell which packets come before the first of their side that has the landmark of its protocol.

    From that first one on reading may have been taken up again, and
    whoever reads has to look.
    """
    reached = np.zeros(len(packets.side), np.bool_)
    for number, landmark in landmarks.items():
        rows = np.flatnonzero(packets.landmark == number)
        rows = rows[packets.size[rows] >= landmark.offset + _WORD]
        reached[rows] = np.isin(words.u32(packets.payload[rows] + landmark.offset), landmark.words)
    return ~_since(reached, packets.side)


def _since(reached: Flags, side: Ints) -> Flags:
    """Return for each packet whether it or one before it of its side is among those reached."""
    order = np.argsort(side, kind="stable")
    sides = side[order]
    begins = np.append(True, sides[1:] != sides[:-1])
    first = np.flatnonzero(begins)[np.cumsum(begins) - 1]
    latest = np.maximum.accumulate(np.where(reached[order], np.arange(len(order)), -1))
    found = np.zeros(len(order), np.bool_)
    found[order] = latest >= first
    return found

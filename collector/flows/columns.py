"""The columns of the flow table: a row (slot) a live flow, used again after its end."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from collector.arrays import Bytes, Flags, Hashes, Ints

FIRST_ROOM = 1 << 14


class Columns:
    """The state of all flows. What has two columns has one for each side; `orig` says which side began.

    Times are nanoseconds; `first` and `last` are the packets' own, `heard` (the latest packet) and `told` are those of
    the table's clock. `base` is the sequence number of a side's first byte (-1: not known yet), `other`
    what a second SYN says of it until the side has sent more (-1: nothing), `top` how many bytes it has got to by
    sequence numbers, `end` after how many of them it said that it ends (-1: not yet), `again` how many packets brought
    nothing beyond that, `seen` the bits of its history, `wanted` how much of its payload is read, `kept` how many bytes
    of its packets were taken to disk.
    """

    def __init__(self) -> None:
        self.room = 0
        self.number: Ints = np.zeros(0, np.int64)
        self.key: Hashes = np.zeros(0, np.uint64)
        self.live: Flags = np.zeros(0, np.bool_)
        self.proto: Bytes = np.zeros(0, np.uint8)
        self.version: Bytes = np.zeros(0, np.uint8)
        self.orig: Bytes = np.zeros(0, np.uint8)
        self.inside: Flags = np.zeros(0, np.bool_)
        self.addresses: Bytes = np.zeros((0, 32), np.uint8)
        self.macs: Bytes = np.zeros((0, 12), np.uint8)
        self.ports: NDArray[np.int32] = np.zeros((0, 2), np.int32)
        self.vlans: NDArray[np.int16] = np.zeros((0, 2), np.int16)
        self.first: Ints = np.zeros(0, np.int64)
        self.last: Ints = np.zeros(0, np.int64)
        self.heard: Ints = np.zeros(0, np.int64)
        self.told: Ints = np.zeros(0, np.int64)
        self.packets: Ints = np.zeros((0, 2), np.int64)
        self.ip_bytes: Ints = np.zeros((0, 2), np.int64)
        self.payload: Ints = np.zeros((0, 2), np.int64)
        self.base: Ints = np.zeros((0, 2), np.int64)
        self.other: Ints = np.zeros((0, 2), np.int64)
        self.top: Ints = np.zeros((0, 2), np.int64)
        self.end: Ints = np.zeros((0, 2), np.int64)
        self.again: Ints = np.zeros((0, 2), np.int64)
        self.seen: NDArray[np.int16] = np.zeros((0, 2), np.int16)
        self.wanted: Bytes = np.zeros((0, 2), np.uint8)
        self.kept: Ints = np.zeros((0, 2), np.int64)
        self.history: list[str] = []
        self.grow(FIRST_ROOM)

    def grow(self, room: int) -> range:
        """Make room for so many flows and return the new slots."""
        before, self.room = self.room, room
        for name, column in self._arrays():
            wider = np.zeros((room, *column.shape[1:]), column.dtype)
            wider[:before] = column
            setattr(self, name, wider)
        self.history += [""] * (room - before)
        return range(before, room)

    def _arrays(self) -> list[tuple[str, NDArray[Any]]]:
        return [(name, value) for name, value in vars(self).items() if isinstance(value, np.ndarray)]

    def clear(self, slots: Ints) -> None:
        """Set counters back to those of a flow that has not been seen."""
        for column in (self.packets, self.ip_bytes, self.payload, self.top, self.again, self.seen, self.kept):
            column[slots] = 0
        self.base[slots] = self.other[slots] = self.end[slots] = -1
        self.wanted[slots] = 1
        self.live[slots] = True

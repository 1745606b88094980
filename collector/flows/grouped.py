"""The rows of a batch by flow and side: one sort, then every sum and every first at once."""

from __future__ import annotations

import numpy as np

from collector.arrays import Flags, Hashes, Ints

NEVER = np.iinfo(np.int64).max


class Groups:
    """Rows sorted by flow, then side, then time.

    `order` holds the sorted rows; a group is what a side of a flow sent: `starts` are the groups' places in the
    order, `counts` their lengths, `side` their sides, `flow` the number of their flow among `keys`.
    """

    def __init__(self, rows: Ints, key: Hashes, side: Ints) -> None:
        tagged = key[rows] | side[rows].astype(np.uint64)
        self.order = rows[np.argsort(tagged, kind="stable")]
        tagged = key[self.order] | side[self.order].astype(np.uint64)
        edges = np.flatnonzero(tagged[1:] != tagged[:-1]) + 1
        self.starts: Ints = np.concatenate([np.zeros(1, np.int64), edges])
        self.counts: Ints = np.diff(np.append(self.starts, len(rows)))
        heads = tagged[self.starts]
        self.side: Ints = (heads & np.uint64(1)).astype(np.int64)
        own = heads & ~np.uint64(1)
        fresh = np.concatenate([np.ones(1, np.bool_), own[1:] != own[:-1]])
        self.flow: Ints = np.cumsum(fresh) - 1
        self.keys: Hashes = own[fresh]
        self._flow_starts: Ints = self.starts[fresh]

    def sums(self, column: Ints) -> Ints:
        """Return a column's sum for each group."""
        return np.add.reduceat(column[self.order], self.starts)

    def most(self, column: Ints) -> Ints:
        """Return a column's greatest value for each group."""
        return np.maximum.reduceat(column[self.order], self.starts)

    def running(self, sorted_column: Ints) -> Ints:
        """Return the greatest value so far within each group, of a column in the order of `order`; of 33 bits."""
        level = np.repeat(np.arange(len(self.starts)), self.counts) << 33
        found: Ints = np.maximum.accumulate(sorted_column + level) - level
        return found

    def union(self, column: Ints) -> Ints:
        """Return the bits that any row of a group has."""
        return np.bitwise_or.reduceat(column[self.order], self.starts)

    def first(self) -> Ints:
        """Return the first row of each group."""
        return self.order[self.starts]

    def first_of_flow(self, where: Flags | None = None) -> Ints:
        """Return each flow's first row, of those `where` holds (by row); NEVER for none."""
        rows = self.order if where is None else np.where(where[self.order], self.order, NEVER)
        return np.minimum.reduceat(rows, self._flow_starts)

    def last_of_flow(self, column: Ints) -> Ints:
        """Return a column's greatest value for each flow."""
        return np.maximum.reduceat(column[self.order], self._flow_starts)

    def spread(self, by_flow: Ints) -> Ints:
        """Return the value of its flow for each sorted row."""
        return np.repeat(by_flow[self.flow], self.counts)

    def first_with(self, bits: Ints, bit: int) -> Ints:
        """Return the first row of each group that has a bit, NEVER for none."""
        rows = np.where(bits[self.order] & bit, self.order, NEVER)
        return np.minimum.reduceat(rows, self.starts)

"""When groups are to be looked at again: a wheel, because a heap of all of them costs more than the looking."""

from __future__ import annotations

import heapq

#: A timer is kept by the part of time in which it is due; this many bits of its microseconds do not matter.
_BITS = 16


class Timers:
    """Keys by the time at which they are due, in microseconds. What is due is told up to 66 ms too early."""

    def __init__(self) -> None:
        self._buckets: dict[int, list[str]] = {}
        self._order: list[int] = []

    def put(self, due: int, key: str) -> int:
        """Set a timer; return the bucket in which it is."""
        bucket = due >> _BITS
        keys = self._buckets.get(bucket)
        if keys is None:
            self._buckets[bucket] = [key]
            heapq.heappush(self._order, bucket)
        else:
            keys.append(key)
        return bucket

    def due(self, moment: int) -> list[tuple[int, list[str]]]:
        """Take out what is due at a moment: buckets and their keys, the earliest first."""
        last = moment >> _BITS
        found: list[tuple[int, list[str]]] = []
        while self._order and self._order[0] <= last:
            bucket = heapq.heappop(self._order)
            found.append((bucket, self._buckets.pop(bucket)))
        return found

"""Sums, averages, medians and percentiles over one window after the other. Pure.

What a row of windows has in common is done once: their numbers are read, and kept in order where order is asked for.
"""

from __future__ import annotations

import math
import struct
from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from functools import lru_cache

from .entry import VALUE, WEIGHT
from .model import Bounds, Correlation, Kind

Number = Callable[[int, int], float]
"""The number of the window between two places; those that are asked for move on and never back."""
Windows = Callable[[Sequence[bytes], int, int], Number]
"""What tells the numbers of windows among the entries between two places."""
_ONE = (1).to_bytes(4, "big")
#: A window that moves on by more than this share is put in order anew.
_SHARE = 8


def windows_of(correlation: Correlation) -> Windows:
    """What a statistical correlation computes over windows with at least one entry."""
    condition = correlation.condition
    assert isinstance(condition, Bounds)
    if correlation.kind is Kind.VALUE_SUM:
        return _sums
    if correlation.kind is Kind.VALUE_AVG:
        return _averages
    if correlation.kind is Kind.VALUE_MEDIAN:
        return lambda entries, first, end: _Ordered(entries, first, end, _median).number
    share = (condition.percentile or 0.0) / 100
    return lambda entries, first, end: _Ordered(entries, first, end, lambda values: _ranked(values, share)).number


@lru_cache(maxsize=1 << 13)
def _unpacker(code: str, count: int) -> Callable[[bytes], tuple[float, ...]]:
    return struct.Struct(f">{count}{code}").unpack


def _numbers(entries: Sequence[bytes], first: int, end: int) -> tuple[float, ...]:
    """The numbers of entries, read in one go: a busy group has thousands."""
    return _unpacker("d", end - first)(b"".join([entry[VALUE] for entry in entries[first:end]]))


def _sums(entries: Sequence[bytes], first: int, end: int) -> Number:
    values = _numbers(entries, first, end)
    return lambda low, high: math.fsum(values[low - first : high - first])


def _averages(entries: Sequence[bytes], first: int, end: int) -> Number:
    values = _numbers(entries, first, end)
    packed = b"".join([entry[WEIGHT] for entry in entries[first:end]])
    if packed == _ONE * (end - first):
        return lambda low, high: math.fsum(values[low - first : high - first]) / (high - low)
    weights = _unpacker("I", end - first)(packed)
    return lambda low, high: math.fsum(values[low - first : high - first]) / sum(weights[low - first : high - first])


class _Ordered:
    """The numbers of a window in their order, kept while it moves on."""

    def __init__(
        self, entries: Sequence[bytes], first: int, end: int, pick: Callable[[Sequence[float]], float]
    ) -> None:
        self._values = _numbers(entries, first, end)
        self._first = self._low = self._high = first
        self._held: list[float] = []
        self._pick = pick

    def number(self, low: int, high: int) -> float:
        """The number of a window."""
        values, first, held = self._values, self._first, self._held
        if (low - self._low + high - self._high) * _SHARE > high - low:
            held = self._held = sorted(values[low - first : high - first])
        else:
            for value in values[self._low - first : low - first]:
                del held[bisect_left(held, value)]
            for value in values[self._high - first : high - first]:
                insort(held, value)
        self._low, self._high = low, high
        return self._pick(held)


def _median(values: Sequence[float]) -> float:
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def _ranked(values: Sequence[float], share: float) -> float:
    """The nearest rank: the smallest value that at least this share of the values does not exceed."""
    return values[max(0, math.ceil(share * len(values) - 1e-9) - 1)]

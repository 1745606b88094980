"""Sums, averages, medians and percentiles over one window after the other. Pure.

What a row of windows has in common is done once: their numbers are read, and kept in order where order is asked for.
"""

from __future__ import annotations

import math
import struct
from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from .entry import SUFFIX, VALUE
from .model import Bounds, Correlation, Kind

Number = Callable[[int, int], float]
"""The number of the window between two places; those that are asked for move on and never back."""
Windows = Callable[[Sequence[bytes], int, int], Number]
"""What tells the numbers of windows among the entries between two places."""
#: So few entries are read sooner without numpy.
_SHORT = 64
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
        return _ordered(_median)
    share = (condition.percentile or 0.0) / 100
    return _ordered(_ranked(share))


@lru_cache(maxsize=_SHORT + 1)
def _unpacker(count: int) -> Callable[[bytes], tuple[float, ...]]:
    return struct.Struct(">" + f"{VALUE.start}xdI" * count).unpack


def _rows(packed: bytes) -> Any:
    import numpy as np  # noqa: PLC0415  # processes that only read rules do not pay for it

    return np.frombuffer(packed, [("before", f"V{VALUE.start}"), ("number", ">f8"), ("weight", ">u4")])


def _read(entries: Sequence[bytes], first: int, end: int) -> tuple[Sequence[float], Sequence[float]]:
    """The numbers of entries and how many hits each stands for, read in one go: a busy group has thousands."""
    count, packed = end - first, b"".join(entries[first:end])
    if len(packed) != count * SUFFIX:
        packed = b"".join([entry[:SUFFIX] for entry in entries[first:end]])
    if count <= _SHORT:
        both = _unpacker(count)(packed)
        return both[::2], both[1::2]
    rows = _rows(packed)
    return rows["number"].tolist(), rows["weight"].tolist()


def _sums(entries: Sequence[bytes], first: int, end: int) -> Number:
    values, _ = _read(entries, first, end)
    return lambda low, high: math.fsum(values[low - first : high - first])


def _averages(entries: Sequence[bytes], first: int, end: int) -> Number:
    values, weights = _read(entries, first, end)
    if sum(weights) == end - first:
        return lambda low, high: math.fsum(values[low - first : high - first]) / (high - low)
    return lambda low, high: math.fsum(values[low - first : high - first]) / sum(weights[low - first : high - first])


def _ordered(pick: Callable[[Sequence[float]], float]) -> Windows:
    """What picks the number of a window out of its numbers in their order, which is kept while it moves on."""

    def windows(entries: Sequence[bytes], first: int, end: int) -> Number:
        values, _ = _read(entries, first, end)
        before = upto = first
        held: list[float] = []

        def number(low: int, high: int) -> float:
            nonlocal before, upto, held
            if (low - before + high - upto) * _SHARE > high - low:
                held = sorted(values[low - first : high - first])
            else:
                for value in values[before - first : low - first]:
                    del held[bisect_left(held, value)]
                for value in values[upto - first : high - first]:
                    insort(held, value)
            before, upto = low, high
            return pick(held)

        return number

    return windows


def _median(values: Sequence[float]) -> float:
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def _ranked(share: float) -> Callable[[Sequence[float]], float]:
    """What picks the nearest rank: the smallest value that at least this share of the values does not exceed."""
    return lambda values: values[max(0, math.ceil(share * len(values) - 1e-9) - 1)]

"""The tree of a regular expression, over folded text. Values only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from appliance.search.fold import fold

LAST = 0x10FFFF
_LAST_CASED = 0x1E943
"""No character past this one has a lower case."""


@dataclass(frozen=True, slots=True)
class Chars:
    """One character out of closed ranges of code points, sorted and apart from each other."""

    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after another; without parts the empty text."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Any of them."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`low` to `high` times; None = any number of times."""

    part: Part
    low: int
    high: int | None


Part = Chars | Sequence | Choice | Repeat


@dataclass(frozen=True, slots=True)
class Branch:
    """One of the alternatives of the whole; `begin` and `end` tie it to the ends of the value."""

    part: Part
    begin: bool
    end: bool


@dataclass(frozen=True, slots=True)
class Regex:
    """A regular expression that is sought within the folded text of a value."""

    branches: tuple[Branch, ...]


def chars(ranges: Iterable[tuple[int, int]], *, negated: bool = False) -> Chars:
    """Return a set of characters, folded: it has the small letter of every capital in the ranges."""
    wanted = list(ranges)
    wanted += [(small, small) for big, small in _cased() if any(low <= big <= high for low, high in wanted)]
    merged: list[tuple[int, int]] = []
    for low, high in sorted(wanted):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(high, merged[-1][1])
        else:
            merged.append((low, high))
    return Chars(tuple(_complement(merged) if negated else merged))


def _complement(ranges: Iterable[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    start = 0
    for low, high in ranges:
        if start < low:
            yield start, low - 1
        start = high + 1
    if start <= LAST:
        yield start, LAST


@cache
def _cased() -> tuple[tuple[int, int], ...]:
    pairs = ((point, ord(fold(chr(point)))) for point in range(_LAST_CASED + 1))
    return tuple((big, small) for big, small in pairs if big != small)


ANY = Chars(((0, LAST),))
"""What the dot stands for: any character, line breaks too."""

"""What rules cost, and who pays for what is done for several of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from .clauses import PER_RULE
from .decided import bits

Bill = Callable[[int, int, int], None]
"""Takes the mask of a literal, for how many values it was decided, and the nanoseconds that this took."""


@dataclass(slots=True)
class RuleStats:
    """What deciding one rule has cost and given, and its regular expressions and comparisons before that, by samples.

    Events whose clauses did not hold, and those whose answer was remembered, are not counted as evaluated.
    """

    evaluated: int = 0
    matched: int = 0
    nanoseconds: int = 0


def biller(stats: Sequence[RuleStats]) -> Bill:
    """What shares out among rules the time that a literal of theirs took."""
    count = len(stats)

    def bill(mask: int, values: int, nanoseconds: int) -> None:
        rules = reduce(or_, (mask >> (slot * count) for slot in range(PER_RULE))) & ((1 << count) - 1)
        for number in bits(rules):
            stats[number].evaluated += values
            stats[number].nanoseconds += nanoseconds // rules.bit_count()

    return bill

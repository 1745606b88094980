"""What each correlation type asks of the entries in one window. Pure.

`entries` are sorted; the window is `entries[low:high]` and `anchor` the entry at which it ends. A rising decision,
once it holds, holds whatever is added to the window, so it may be made at once; all others wait for their window to
be complete.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import combinations

from .entry import FLAGS, MASK, RULES, VALUE, WEIGHT, mask_of, prefix, time_of
from .expression import counted
from .model import STATISTICS, Bounds, Correlation, Expression, Kind, Term
from .statistic import windows_of

Entries = Sequence[bytes]
Decision = Callable[[Entries, int, int, bytes], bool]
Lacking = Callable[[Entries, int, int], int]
#: Steps that the search for an ordered chain among events of one instant may take.
_PATIENCE = 2000
#: The byte of an entry that has a bit for each of the first eight rules.
_LAST = MASK.stop - 1


def least_of(bounds: Bounds) -> int:
    """The smallest whole number, from 1, that a rising condition takes."""
    return max(1, *(int(value) + (operator == "gt") for operator, value in bounds.tests))


def terms_of(correlation: Correlation) -> tuple[Term, ...]:
    """The ways in which a rising or a boolean temporal condition is fulfilled."""
    condition = correlation.condition
    if isinstance(condition, Expression):
        return condition.terms
    return counted(len(correlation.rules), least_of(condition)) or ()


def rising_decision(correlation: Correlation) -> Decision:
    """The decision for a condition that more events can only fulfil."""
    condition = correlation.condition
    if correlation.kind is Kind.TEMPORAL:
        return _together(terms_of(correlation))
    if correlation.kind is Kind.TEMPORAL_ORDERED:
        return _in_order(terms_of(correlation))
    assert isinstance(condition, Bounds)
    least = least_of(condition)
    if correlation.kind is Kind.EVENT_COUNT:
        return lambda _, low, high, __: high - low >= least
    lacking = lacking_values(least)
    return lambda entries, low, high, _: not lacking(entries, low, high)


def lacking_values(least: int) -> Lacking:
    """How many distinct values a window lacks to have so many."""

    def lacking(entries: Entries, low: int, high: int) -> int:
        middle = max(low, high - least)
        seen = {entry[VALUE] for entry in entries[middle:high]}
        for place in range(middle - 1, low - 1, -1):
            if len(seen) >= least:
                return 0
            seen.add(entries[place][VALUE])
        return max(0, least - len(seen))

    return lacking


def _bits(places: Sequence[int]) -> int:
    return sum(1 << place for place in places)


def place_of(step: int) -> tuple[int, int]:
    """Where an entry says that it fulfils a rule: the byte and its bit."""
    return _LAST - step // 8, 1 << step % 8


def _together(terms: Sequence[Term]) -> Decision:
    wanted = [_bits(term.wanted) for term in terms]

    def decide(entries: Entries, low: int, high: int, anchor: bytes) -> bool:
        own = mask_of(anchor)
        asked = [bits for bits in wanted if bits & own]
        missing = 0
        for bits in asked:
            missing |= bits
        seen = 0
        for entry in reversed(entries[low:high]):
            seen |= entry[_LAST] if missing < 256 else int.from_bytes(entry[MASK], "big")
            if seen & missing == missing:
                break
        return any(bits & seen == bits for bits in asked)

    return decide


def _in_order(terms: Sequence[Term]) -> Decision:
    ways = [(term.wanted, [place_of(step) for step in reversed(term.wanted[:-1])]) for term in terms]

    def decide(entries: Entries, low: int, high: int, anchor: bytes) -> bool:
        own = mask_of(anchor)
        for wanted, before in ways:
            if own >> wanted[-1] & 1 and (
                (entries[high - 1] is anchor and _one_by_one(entries, low, high - 1, before))
                or (_has_ties(entries, low, high) and chained(entries, low, high, wanted, anchor))
            ):
                return True
        return False

    return decide


def _one_by_one(entries: Entries, low: int, high: int, before: Sequence[tuple[int, int]]) -> bool:
    """Whether entries as they are sorted fulfil the steps, given from the last to the first as byte and bit of it.

    The latest entry is taken for each: an earlier one never allows more.
    """
    place = high
    for byte, bit in before:
        place -= 1
        while place >= low and not entries[place][byte] & bit:
            place -= 1
        if place < low:
            return False
    return True


def _has_ties(entries: Entries, low: int, high: int) -> bool:
    """Whether events of one instant are among them, which may be taken in any order."""
    return len({entry[:8] for entry in entries[low:high]}) < high - low


def chained(entries: Entries, low: int, high: int, steps: Sequence[int], last: bytes | None = None) -> bool:
    """Whether different entries fulfil the steps one after the other; events of one instant are in any order.

    `last` is the entry that must be the last step.
    """
    return _Chain(entries, low, steps).find(len(steps) - 1, high, frozenset(), last)


class _Chain:
    """Goes back in time and takes the latest entry for each step: an earlier one never allows more."""

    def __init__(self, entries: Entries, low: int, steps: Sequence[int]) -> None:
        self._entries, self._low = entries, low
        self._bits = [1 << step for step in steps]
        self._patience = _PATIENCE

    def find(self, step: int, high: int, used: frozenset[int], last: bytes | None = None) -> bool:
        if step < 0:
            return True
        latest: bytes | None = None
        for place in range(high - 1, self._low - 1, -1):
            entry = self._entries[place]
            if latest is not None and entry[:8] != latest:
                return False
            if place in used or not mask_of(entry) & self._bits[step] or (last is not None and entry != last):
                continue
            self._patience -= 1
            latest = entry[:8]
            upto = bisect_left(self._entries, prefix(time_of(entry) + 1), place)
            if self._patience < 0 or self.find(step - 1, upto, used | {place}):
                return self._patience >= 0
        return False


def number_in(correlation: Correlation, entries: Entries, low: int, high: int) -> float:
    """The number that a condition of numbers is about: events, distinct values, rules, or the statistic."""
    kind = correlation.kind
    if kind in STATISTICS:
        return windows_of(correlation)(entries, low, high)(low, high)
    if kind is Kind.EVENT_COUNT:
        return sum(int.from_bytes(entry[WEIGHT], "big") for entry in entries[low:high])
    if kind is Kind.VALUE_COUNT:
        return len({entry[VALUE] for entry in entries[low:high]})
    if kind is Kind.TEMPORAL:
        return _present(entries, low, high).bit_count()
    return _longest(correlation, entries, low, high)


def _present(entries: Entries, low: int, high: int) -> int:
    seen = 0
    for entry in entries[low:high]:
        seen |= int.from_bytes(entry[FLAGS : FLAGS + 4], "big") & RULES
    return seen


def _longest(correlation: Correlation, entries: Entries, low: int, high: int) -> int:
    places = range(len(correlation.rules))
    return next(
        size
        for size in range(len(places), -1, -1)
        if any(chained(entries, low, high, way) for way in combinations(places, size))
    )


def complete_decision(correlation: Correlation) -> Decision:
    """The decision for a condition that is judged when its window is complete."""
    condition = correlation.condition
    if isinstance(condition, Bounds):
        return lambda entries, low, high, _: condition.hold(number_in(correlation, entries, low, high))
    ordered = correlation.kind is Kind.TEMPORAL_ORDERED

    def decide(entries: Entries, low: int, high: int, _: bytes) -> bool:
        seen = _present(entries, low, high)
        for term in condition.terms:
            wanted, barred = _bits(term.wanted), _bits(tuple(term.barred))
            if (
                wanted & seen == wanted
                and not barred & seen
                and (not ordered or chained(entries, low, high, term.wanted))
            ):
                return True
        return False

    return decide

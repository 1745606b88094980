"""What was decided before: most events are, in all that the rules they might meet look at, like an earlier one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .memo import Budget, Memo
from .values import Event, Value

#: Sets of candidates that are kept for one class of events.
_ASKED = 1_024
#: Looks after which it is known whether they pay, which is when one in so many finds something, and for how many
#: events nothing is looked up when they do not: at first, and at most.
_LOOKS, _ONE_IN, _REST, _LONGEST_REST = 64, 3, 64, 8_192
#: Types of which equal values have equal texts; None stands for a key that the event has not.
_PLAIN = frozenset({str, int, type(None)})
Name = tuple[int, tuple[Value | None, ...]]
"""What an event is remembered by: the number of its candidates, and the values that these look at."""
Left = tuple[int, "Asked", Name | None]
"""The place of an event whose answer is not known, its candidates, and what it is to be remembered by, if it is."""
Keys = Callable[[int], frozenset[str] | None]
"""From an entry to the keys that its decision looks at; None when it is every key."""


@dataclass(slots=True)
class Asked:
    """Candidates that come together, and the keys that their decisions look at; None when it is every key."""

    number: int
    entries: tuple[int, ...]
    keys: tuple[str, ...] | None
    looks: int = 0
    found: int = 0
    rest: int = 0
    """For how many events nothing is looked up."""
    longer: int = _REST

    def weigh(self) -> None:
        """Look nothing up for a while when it has not paid; longer each time."""
        self.longer = _REST if self.found * _ONE_IN >= self.looks else min(2 * self.longer, _LONGEST_REST)
        self.rest = 0 if self.longer == _REST else self.longer
        self.looks = self.found = 0


class Decided:
    """From the candidates of an event, and what of it they look at, to those that accept it."""

    def __init__(self, budget: Budget) -> None:
        self._memo = Memo(budget)
        self._asked: dict[int, Asked] = {}
        self._count = 0

    def known(self, masks: Sequence[int], events: Sequence[Event], keys: Keys) -> tuple[list[int], list[Left]]:
        """For each event a mask of its candidates that accept it, and the events of which that is not known."""
        accepted, left = [0] * len(events), list[Left]()
        young, recall = self._memo.young.get, self._memo.recall
        for place, mask in enumerate(masks):
            if not mask:
                continue
            asked, name = self._asked.get(mask) or self._ask(mask, keys), None
            if asked.rest:
                asked.rest -= 1
            elif asked.keys is not None:
                values = tuple(map(events[place].get, asked.keys))
                if _PLAIN.issuperset(map(type, values)):
                    name = asked.number, values
                    asked.looks += 1
                    found = young(name)
                    if found is None:
                        found = recall(name)
                    if found is not None:
                        asked.found += 1
                        accepted[place] = found
                        continue
                    if asked.looks >= _LOOKS:
                        asked.weigh()
            left.append((place, asked, name))
        return accepted, left

    def keep(self, name: Name, accepted: int) -> None:
        """Remember which candidates accept an event."""
        self._memo.keep(name, sum(len(value) for value in name[1] if type(value) is str), accepted)

    def _ask(self, mask: int, keys: Keys) -> Asked:
        if len(self._asked) >= _ASKED:
            self._asked.clear()
        entries = tuple(bits(mask))
        self._count += 1
        asked = self._asked[mask] = Asked(self._count, entries, _looked_at(entries, keys))
        return asked


def _looked_at(entries: Sequence[int], keys: Keys) -> tuple[str, ...] | None:
    found: set[str] = set()
    for entry in entries:
        own = keys(entry)
        if own is None:
            return None
        found |= own
    return tuple(sorted(found))


def bits(mask: int) -> Iterator[int]:
    """The places of the bits of a mask, from the lowest."""
    while mask:
        lowest = mask & -mask
        mask ^= lowest
        yield lowest.bit_length() - 1

"""Whether two stores have the same events. Pure: two walks in the order of time and id, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from appliance.normalise.model import Event
from appliance.store.copying import digest_of
from appliance.store.shape import identity

NAMED = 20
"""Differences that are named; all are counted."""
TELL_EVERY = 50_000
Kind = Literal["missing", "more", "other"]
"""In the first store alone, in the second alone, in both with other contents."""


@dataclass(slots=True)
class Compared:
    """How many events each store has, how many of these differ in which way, and (kind, time in µs, id) of some."""

    first: int = 0
    second: int = 0
    differing: dict[Kind, int] = field(default_factory=lambda: {"missing": 0, "more": 0, "other": 0})
    named: list[tuple[Kind, int, str]] = field(default_factory=list)

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not any(self.differing.values())

    def note(self, kind: Kind, event: Event) -> None:
        """Count an event that differs."""
        self.differing[kind] += 1
        if len(self.named) < NAMED:
            self.named.append((kind, *_place(event)))


def compare(first: Iterable[Event], second: Iterable[Event], tell: Callable[[Compared], None]) -> Compared:
    """Compare the events of two stores, each in the order of time and id; `tell` hears how far it came."""
    found, ones, twos = Compared(), iter(first), iter(second)
    one, two = next(ones, None), next(twos, None)
    while one is not None or two is not None:
        if two is None or (one is not None and _place(one) < _place(two)):
            assert one is not None
            found.note("missing", one)
            found.first, one = found.first + 1, next(ones, None)
        elif one is None or _place(two) < _place(one):
            found.note("more", two)
            found.second, two = found.second + 1, next(twos, None)
        else:
            if digest_of([one]) != digest_of([two]):
                found.note("other", one)
            found.first, found.second = found.first + 1, found.second + 1
            one, two = next(ones, None), next(twos, None)
        if (found.first + found.second) % TELL_EVERY < 2:
            tell(found)
    return found


def _place(event: Event) -> tuple[int, str]:
    return int(str(event["@timestamp"])), identity(event)

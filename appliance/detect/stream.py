"""A stream of events through the rules, in runs that are long enough to pay and short enough to hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from .engine import Engine
from .model import Rule
from .values import Event

#: Events that are looked at together.
RUN = 500
Place = TypeVar("Place")


def matches(engine: Engine, events: Iterable[tuple[Place, Event]]) -> Iterator[tuple[Place, Event, list[Rule]]]:
    """Yield each event, with the place it was given with and the rules that it satisfies, in the order they came."""
    waiting = iter(events)
    while run := list(islice(waiting, RUN)):
        found = engine.match_many([event for _, event in run])
        for (place, event), rules in zip(run, found, strict=True):
            yield place, event, rules

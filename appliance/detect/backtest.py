"""Rules over past events: how often each rule matches, with a few of the events. One pass, memory by rule alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .engine import Engine
from .values import Event

#: Events that are kept as examples of a rule's matches.
SAMPLES = 3


@dataclass(frozen=True, slots=True)
class Sample:
    """One event that matched: where it was read, when it happened (microseconds, None when unknown), on which host."""

    place: str
    time: int | None
    host: str


@dataclass(slots=True)
class RuleTally:
    """One rule's matches; `first` and `last` are the earliest and the latest time of a matching event."""

    matches: int = 0
    first: int | None = None
    last: int | None = None
    samples: list[Sample] = field(default_factory=list)

    def add(self, place: str, event: Event) -> None:
        """Count one matching event."""
        self.matches += 1
        moment = event.get("@timestamp")
        time = moment if type(moment) is int else None
        if time is not None:
            self.first = time if self.first is None else min(self.first, time)
            self.last = time if self.last is None else max(self.last, time)
        if len(self.samples) < SAMPLES:
            self.samples.append(Sample(place, time, str(event.get("host.name", ""))))


@dataclass(slots=True)
class Tally:
    """What one pass saw: all events, all matches, and each rule that matched by its id."""

    events: int = 0
    matches: int = 0
    rules: dict[str, RuleTally] = field(default_factory=dict)

    def count(self, rule_id: str) -> int:
        """How many events a rule matched."""
        found = self.rules.get(rule_id)
        return found.matches if found else 0


def backtest(engine: Engine, events: Iterable[tuple[str, Event]]) -> Tally:
    """Run every rule of an engine over events, each with the place it was read from."""
    tally = Tally()
    for place, event in events:
        tally.events += 1
        for rule in engine.match(event):
            tally.matches += 1
            tally.rules.setdefault(rule.id, RuleTally()).add(place, event)
    return tally

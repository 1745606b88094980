"""Rules and correlations over past events: how often each matches, with a few of the events. One pass.

Memory is by rule, by group and stretch of time of a correlation, and by the events that correlations still join.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .correlation.correlator import FOREVER, Correlator
from .correlation.match import Match
from .engine import Engine
from .model import Rule, RuleSet
from .stream import matches
from .values import Event

#: Events that are kept as examples of a rule's matches.
SAMPLES = 3
#: Events of correlations whose places are remembered for examples.
MAX_PLACES = 200_000


@dataclass(frozen=True, slots=True)
class Sample:
    """One event that matched: where it was read, when it happened (microseconds, None when unknown), on which host."""

    place: str
    time: int | None
    host: str


@dataclass(slots=True)
class RuleTally:
    """One rule's matches; `first` and `last` are the earliest and the latest time of a matching event.

    A match of a correlation is a stretch of time in which it held for a group, however many events confirm it: what
    becomes one alert, and one line of `czujka detect`. Its samples are the events that completed it.
    """

    matches: int = 0
    first: int | None = None
    last: int | None = None
    samples: list[Sample] = field(default_factory=list)

    def add(self, sample: Sample, last: int | None) -> None:
        """Count one match, from its sample's time to `last`."""
        self.matches += 1
        if sample.time is not None and last is not None:
            self.first = sample.time if self.first is None else min(self.first, sample.time)
            self.last = last if self.last is None else max(self.last, last)
        if len(self.samples) < SAMPLES:
            self.samples.append(sample)


@dataclass(slots=True)
class Tally:
    """What one pass saw: all events, all matches, and each rule or correlation that matched by its id.

    `forgotten` counts groups and hits that correlations had to give up at their bounds (docs/correlation.md).
    """

    events: int = 0
    matches: int = 0
    rules: dict[str, RuleTally] = field(default_factory=dict)
    forgotten: int = 0

    def count(self, rule_id: str) -> int:
        """How many events a rule matched, or stretches of time in which a correlation held."""
        found = self.rules.get(rule_id)
        return found.matches if found else 0

    def add(self, rule_id: str, sample: Sample, last: int | None) -> None:
        """Count one match of a rule or correlation."""
        self.matches += 1
        self.rules.setdefault(rule_id, RuleTally()).add(sample, last)


def backtest(ruleset: RuleSet, events: Iterable[tuple[str, Event]]) -> Tally:
    """Run every rule and correlation of a set over events in any order, each with the place it was read from."""
    tally, engine, correlations = Tally(), Engine(ruleset), _Correlations(ruleset)
    for place, event, rules in matches(engine, events):
        tally.events += 1
        if not rules:
            continue
        sample = _sample(place, event)
        for rule in rules:
            tally.add(rule.id, sample, sample.time)
        correlations.take(sample, event, rules)
    for name, stretch in correlations.finish():
        tally.add(name, stretch.sample, stretch.last)
    tally.forgotten = correlations.forgotten
    return tally


def _sample(place: str, event: Event) -> Sample:
    moment = event.get("@timestamp")
    return Sample(place, moment if type(moment) is int else None, str(event.get("host.name", "")))


@dataclass(slots=True)
class _Stretch:
    """A time from `first` to `last` in which a correlation held for one group, and the event that it began with."""

    first: int
    last: int
    sample: Sample


class _Correlations:
    """The correlations of a rule set over events that are all there."""

    def __init__(self, ruleset: RuleSet) -> None:
        self._correlator = Correlator(ruleset, lateness=FOREVER)
        self._held: dict[tuple[str, tuple[str, ...]], list[_Stretch]] = defaultdict(list)
        self._spans: dict[str, int] = {one.id: one.timespan for one in ruleset.correlations}
        self._samples: dict[str, Sample] = {}

    @property
    def forgotten(self) -> int:
        """What had to be given up at a bound."""
        kept = self._correlator.kept
        return kept.evicted + kept.trimmed

    def take(self, sample: Sample, event: Event, rules: list[Rule]) -> None:
        """Take the rules that an event matched."""
        uses = self._correlator.plan.uses
        if any(rule.id in uses for rule in rules):
            if len(self._samples) < MAX_PLACES:
                self._samples[str(event["event.id"])] = sample
            self._add(self._correlator.offer(event, rules))

    def _add(self, matches: Iterable[Match]) -> None:
        for match in matches:
            stretches = self._held[match.correlation.id, match.group]
            if stretches and 0 <= match.at - stretches[-1].last <= match.correlation.timespan:
                stretches[-1].last = match.at
            else:
                stretches.append(_Stretch(match.at, match.at, self._sample(match)))

    def _sample(self, match: Match) -> Sample:
        names = (name for at, name in reversed(match.evidence) if at == match.at and name in self._samples)
        found = self._samples.get(next(names, ""))
        return Sample(found.place, match.at, found.host) if found else Sample("", match.at, "")

    def finish(self) -> Iterator[tuple[str, _Stretch]]:
        """Yield each correlation that held, with the stretches of each of its groups."""
        self._add(self._correlator.finish())
        for (name, _), stretches in self._held.items():
            for stretch in _joined(stretches, self._spans[name]):
                yield name, stretch


def _joined(stretches: Iterable[_Stretch], span: int) -> Iterator[_Stretch]:
    """Join stretches of one group between which no more than a timespan lies; events may have come in any order."""
    current: _Stretch | None = None
    for one in sorted(stretches, key=lambda each: each.first):
        if current is not None and one.first - current.last <= span:
            current.last = max(current.last, one.last)
            continue
        if current is not None:
            yield current
        current = one
    if current is not None:
        yield current

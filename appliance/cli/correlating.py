"""Correlations over files for `czujka detect`: one line for each time that one held, with the places of its events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from appliance.detect import Event, Rule, RuleSet
from appliance.detect.correlation.correlator import FOREVER, Correlator
from appliance.detect.correlation.match import Match

Place = tuple[str, int]
"""File and index of a record in it."""


@dataclass(slots=True)
class FileCorrelations:
    """Takes hits in any order; what they mean together is known at the end."""

    correlator: Correlator
    matches: list[Match] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)

    @classmethod
    def of(cls, ruleset: RuleSet) -> FileCorrelations:
        """Return the correlations of a rule set over events that are all there."""
        return cls(Correlator(ruleset, lateness=FOREVER))

    def take(self, place: Place, event: Event, rules: list[Rule]) -> list[Rule]:
        """Correlate an event; return those of its rules that speak for themselves."""
        plan = self.correlator.plan
        if any(rule.id in plan.uses for rule in rules):
            self.places.setdefault(str(event["event.id"]), place)
            self.matches += self.correlator.offer(event, rules)
        return [rule for rule in rules if rule.id not in plan.silent]

    def documents(self) -> Iterator[dict[str, Any]]:
        """Return a line for each correlation, group and stretch of time in which it held."""
        self.matches += self.correlator.finish()
        ordered = sorted(self.matches, key=lambda one: (one.correlation.id, one.group, one.at, one.id))
        for _, alike in groupby(ordered, key=lambda one: (one.correlation.id, one.group)):
            for stretch in _stretches(alike):
                yield self._document(stretch)

    def _document(self, stretch: list[Match]) -> dict[str, Any]:
        last = stretch[-1]
        events = sorted({event for match in stretch for event in match.evidence})
        places = [self.places[name] for _, name in events if name in self.places]
        file, index = places[-1] if places else ("", 0)
        document: dict[str, Any] = {
            "file": file,
            "index": index,
            "rule": last.correlation.id,
            "title": last.correlation.title,
            "level": last.correlation.level_name,
            "matched": dict(zip(last.correlation.group_by, last.group, strict=True)),
            "correlation": True,
            "events": [number for name, number in places if name == file],
        }
        elsewhere = [[name, number] for name, number in places if name != file]
        return document | ({"elsewhere": elsewhere} if elsewhere else {})


def _stretches(matches: Iterable[Match]) -> Iterator[list[Match]]:
    """Part the matches of one group where more than its timespan lies between two of them."""
    stretch: list[Match] = []
    for match in matches:
        if stretch and match.at - stretch[-1].at > match.correlation.timespan:
            yield stretch
            stretch = []
        stretch.append(match)
    if stretch:
        yield stretch

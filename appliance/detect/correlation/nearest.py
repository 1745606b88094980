"""Of events that a correlation does not find, those that come closest: the fullest window of one group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from appliance.detect.engine import Engine
from appliance.detect.model import RuleSet
from appliance.detect.values import Event

from .match import Match
from .model import Bounds, Correlation, Kind
from .reading import correlate, narrowed

#: Windows that are held against each other.
_WINDOWS = 2000


def nearest(ruleset: RuleSet, correlation: Correlation, events: Sequence[Event]) -> list[Event]:
    """The events of one group within the timespan that fulfil the most of the rules, and among those the most events.

    None when no event fulfils any rule, or none has the fields that are grouped by.
    """
    alone = narrowed(ruleset, correlation)
    any_hit = replace(correlation, kind=Kind.EVENT_COUNT, condition=Bounds((("gte", 1),)))
    others = [one for one in alone.correlations if one.id != correlation.id]
    found = correlate(replace(alone, correlations=[*others, any_hit]), events)
    windows = _windows([match for match in found if match.correlation.id == correlation.id])
    by_id = {str(event["event.id"]): event for event in events}
    engine = Engine(alone)
    hits = {name: frozenset(rule.id for rule in engine.match(event)) for name, event in by_id.items()}
    best = max(windows, key=lambda ids: (len(frozenset().union(*(hits[one] for one in ids))), len(ids)), default=[])
    return [by_id[name] for name in best]


def _windows(matches: Sequence[Match]) -> list[list[str]]:
    """The ids of the events in each window, of the largest windows."""
    seen: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for match in matches:
        seen[match.values].update((name, time) for time, name in match.evidence)
    largest = sorted(matches, key=lambda match: -match.size)[:_WINDOWS]
    return [[name for name, time in seen[one.values].items() if one.first <= time <= one.at] for one in largest]

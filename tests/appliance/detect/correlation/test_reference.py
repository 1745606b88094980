"""The correlator against the reference: every type, every order of arrival, restarts, two workers."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from appliance.detect.correlation import Correlation, Kind, late
from appliance.detect.correlation.correlator import SECOND

from . import traces
from .reference import Hit, expected

TRACES = 500


def _wanted(one: Correlation, hits: list[Hit]) -> tuple[dict[str, tuple[Any, ...]], dict[Any, set[str]]]:
    matches: dict[str, tuple[Any, ...]] = {}
    events: dict[Any, set[str]] = {}
    for match in expected(one, hits):
        matches[match.id] = (one.name, match.group, match.at)
        events.setdefault((one.name, match.group), set()).update(match.events)
    return matches, events


@pytest.mark.parametrize("many", [False, True], ids=["few", "many"])
@pytest.mark.parametrize("kind", ["event_count", "value_count", "temporal", "temporal_ordered"])
def test_hits_of_one_instant_and_late_ones_are_what_the_reference_says(
    kind: str, many: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long traces of few instants; with `many`, thresholds count as large ones and no window is looked at unasked."""
    if many:
        monkeypatch.setattr(late, "_MANY", 1)
        monkeypatch.setattr(late, "_FEW", 0)
    matches = 0
    for seed in range(TRACES // 10):
        draw = random.Random(f"{kind}{seed}")
        rules = traces.ruleset(traces.document(kind, draw))
        hits = [replace(hit, at=hit.at - hit.at % (2 * SECOND)) for hit in traces.trace(draw, 90)]
        wanted = _wanted(rules.correlations[0], hits)
        matches += len(wanted[0])
        orders = {
            "in order": traces.prompt(hits),
            "shuffled": traces.shuffled(hits, draw),
            "reversed": [(hit, hits[-1].at + SECOND) for hit in reversed(hits)],
        }
        for order, arrivals in orders.items():
            found = traces.run(rules, traces.one_by_one(arrivals), {20}, lateness=1000 * SECOND)
            assert traces.summary(found) == wanted, f"{kind} {seed} {order}: {rules.correlations[0]}"
    assert matches > TRACES // 10


@pytest.mark.parametrize("kind", Kind)
def test_every_type_is_what_the_reference_says(kind: Kind) -> None:
    matches = 0
    for seed in range(TRACES):
        draw = random.Random(f"{kind}{seed}")
        rules = traces.ruleset(traces.document(kind, draw))
        hits = traces.trace(draw)
        wanted = _wanted(rules.correlations[0], hits)
        matches += len(wanted[0])
        late, restarts = traces.one_by_one(traces.shuffled(hits, draw)), draw.sample(range(len(hits)), 3)
        workers = traces.two_workers(traces.shuffled(hits, draw), draw)
        ways = {
            "in order": traces.run(rules, traces.one_by_one(traces.prompt(hits))),
            "shuffled": traces.run(rules, late),
            "restarted": traces.run(rules, late, restarts),
            "reloaded": traces.run(rules, late, restarts[:1], reloads=restarts),
            "two workers": traces.run(rules, workers, {1, 3}),
        }
        for way, found in ways.items():
            assert traces.summary(found) == wanted, f"{kind} {seed} {way}: {rules.correlations[0]}"
    assert matches > TRACES

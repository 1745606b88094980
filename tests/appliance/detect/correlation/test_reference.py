"""The correlator against the reference: every type, every order of arrival, restarts, two workers."""

from __future__ import annotations

import random
from typing import Any

import pytest

from appliance.detect.correlation import Correlation, Kind

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
            "two workers": traces.run(rules, workers, {1, 3}),
        }
        for way, found in ways.items():
            assert traces.summary(found) == wanted, f"{kind} {seed} {way}: {rules.correlations[0]}"
    assert matches > TRACES

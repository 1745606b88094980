"""What hits cost that are no newer than others of their group."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from time import process_time
from typing import Any

import pytest

from appliance.detect.correlation.correlator import SECOND

from .hits import hit, offer
from .traces import START, make, ruleset


@pytest.mark.parametrize("order", ["one instant", "whole seconds", "reversed", "two senders"])
@pytest.mark.parametrize("kind", ["event_count", "value_count", "temporal", "temporal_ordered"])
def test_hits_that_are_not_newer_than_others_cost_little_more(kind: str, order: str) -> None:
    body: dict[str, Any] = {"type": kind, "rules": ["ra", "rb"], "group-by": ["host"], "timespan": "30m"}
    if not kind.startswith("temporal"):
        body["condition"] = {"gte": 8, **({"field": "user"} if kind == "value_count" else {})}
    correlator = make(ruleset(body))
    times: dict[str, Callable[[int], int]] = {
        "one instant": lambda place: START,
        "whole seconds": lambda place: START + place // 500 * SECOND,
        "reversed": lambda place: START - place,
        "two senders": lambda place: START + place * 2000 - place // 200 % 2 * 10 * SECOND,
    }
    draw = random.Random(kind)
    hits = [
        hit(draw.getrandbits(128), times[order](place), "rb" if place % 50 == 20 else "ra", user=f"u{place % 500}")
        for place in range(3000)
    ]
    start = process_time()
    for one in hits:
        offer(correlator, one, START + 10 * SECOND)
    # Looking at every window anew takes 5 s and more; a hit takes 50 µs.
    assert process_time() - start < 1.5
    assert correlator.seen.matches > 0


_STEP = SECOND // 100
#: When a hit happened, by its place, and how many matches there are.
_MANY: dict[str, tuple[Callable[[int], int], int]] = {
    # Twelve seconds have 1,200 hits of 1,100 values, and some that leave at each hit.
    "one after the other": (lambda place: place * _STEP, 2001),
    # All hits of one second match.
    "whole seconds": (lambda place: place // 100 * SECOND, 2100),
    # Each sender has half of the hits, and no second of one is filled by the other.
    "two senders": (lambda place: place * _STEP - place // 100 % 2 * 20 * SECOND, 0),
}


@pytest.mark.parametrize("order", _MANY)
def test_many_values_that_come_again_are_not_counted_anew(order: str) -> None:
    body = {
        "type": "value_count",
        "rules": ["ra"],
        "group-by": ["host"],
        "timespan": "12s",
        "condition": {"field": "user", "gte": 1000},
    }
    correlator = make(ruleset(body))
    node = correlator.plan.nodes[0]
    assert node.lacking is not None
    counted, count = 0, node.lacking

    def lacking(entries: Sequence[bytes], low: int, high: int) -> int:
        nonlocal counted
        counted += 1
        return count(entries, low, high)

    node.lacking = lacking
    time_of, matches = _MANY[order]
    for place in range(3000):
        offer(correlator, hit(place, START + time_of(place), user=f"u{place % 1100}"), START + 30 * SECOND)
    assert correlator.seen.matches == matches
    assert counted == 0

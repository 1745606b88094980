"""What hits cost that are no newer than others of their group."""

from __future__ import annotations

import random
from collections.abc import Callable
from time import process_time
from typing import Any

import pytest

from appliance.detect.correlation.correlator import SECOND

from .test_correlator import hit, offer
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

"""Hits of one host and one person, and a correlation that counts them."""

from __future__ import annotations

from typing import Any

from appliance.detect.correlation.correlator import Correlator
from appliance.detect.correlation.match import Match

from .reference import Hit
from .traces import event_of, rule


def count(least: int = 3, **changes: Any) -> dict[str, Any]:
    return {
        "type": "event_count",
        "rules": ["ra"],
        "group-by": ["host"],
        "timespan": "10s",
        "condition": {"gte": least},
        **changes,
    }


def hit(number: int, at: int, name: str = "ra", **fields: str | float) -> Hit:
    return Hit(f"{number:032x}", at, frozenset({name}), {"host": "h1", "user": "u1", **fields})


def offer(correlator: Correlator, one: Hit, arrival: int | None = None) -> list[Match]:
    return correlator.offer(event_of(one, one.at if arrival is None else arrival), [rule(n) for n in sorted(one.rules)])


def offer_all(correlator: Correlator, *hits: Hit) -> list[Match]:
    return [match for one in hits for match in offer(correlator, one)]


def names(matches: list[Match]) -> list[str]:
    return [match.correlation.name for match in matches]

"""Random correlations and random traces of hits, and the ways in which a trace may arrive."""

from __future__ import annotations

import json
import random
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from appliance.detect import Rule, RuleSet
from appliance.detect.correlation.correlator import SECOND, Correlator
from appliance.detect.correlation.match import Match
from appliance.detect.correlation.resolve import resolve
from appliance.detect.parse import parse_file

from .reference import Hit

LATENESS = 20 * SECOND
START = 1_790_000_000 * SECOND
RULES = ("ra", "rb", "rc", "rd")
_BOOLEAN = ("ra and rb", "ra and (rb or rc)", "(ra or rb) and rc", "ra and rb and rc")
_DENYING = ("ra and not rb", "(ra or rb) and not rc", "ra and (rb or not rc)", "rb and not (ra or rc)")


def document(kind: str, draw: random.Random) -> dict[str, Any]:
    """A random correlation of a kind."""
    body: dict[str, Any] = {
        "type": kind,
        "rules": list(RULES[: draw.choice((1, 2, 3))]),
        "timespan": draw.choice(("5s", "12s", "30s")),
    }
    group = draw.choice((None, ["host"], ["host", "user"]))
    if group:
        body["group-by"] = group
    if kind.startswith("temporal"):
        body.update(_temporal(draw))
        return body
    most = 30 if kind in {"value_sum"} else 8
    body["condition"] = _bounds(draw, 1, most if kind.startswith("value_") and kind != "value_count" else 5)
    if kind != "event_count":
        body["condition"]["field"] = "amount" if kind != "value_count" else draw.choice(("value", ["value", "user"]))
    if kind == "value_percentile":
        body["condition"]["percentile"] = draw.choice((10, 50, 75, 95, 100))
    return body


def _bounds(draw: random.Random, low: int, high: int) -> dict[str, Any]:
    number = draw.randint(low, high)
    choices: list[dict[str, Any]] = [
        {"gte": number},
        {"gte": number},
        {"gt": number},
        {"gt": number, "lte": number + 2},
    ]
    choices += [{"lte": number}, {"eq": number}, {"neq": number}, {"lt": number + 1}]
    return dict(draw.choice(choices))


def _temporal(draw: random.Random) -> dict[str, Any]:
    way = draw.choice(("all", "boolean", "denying", "count", "range"))
    if way == "all":
        return {"rules": list(RULES[: draw.choice((2, 3))])}
    if way in {"boolean", "denying"}:
        text = draw.choice(_BOOLEAN if way == "boolean" else _DENYING)
        return {"rules": [rule for rule in RULES if rule in text], "condition": text}
    number = draw.randint(1, 3)
    bounds = (
        draw.choice(({"gte": number}, {"gt": number - 1}))
        if way == "count"
        else draw.choice(({"lte": number}, {"eq": number}, {"gte": number, "lte": 3}))
    )
    return {"rules": list(RULES[:3]), "condition": bounds}


@cache
def rule(name: str) -> Rule:
    """A rule of a name; the tests say themselves what it matches."""
    text = f"""
title: {name}
name: {name}
logsource: {{product: test}}
detection: {{sel: {{x: {name}}}, condition: sel}}
"""
    return parse_file("rules.yml", text.encode()).rules[0]


def ruleset(*bodies: dict[str, Any], generate: bool = True) -> RuleSet:
    """A rule set with the test's rules and correlations named c0, c1, … of these bodies."""
    return _ruleset(tuple(json.dumps(body) for body in bodies), generate=generate)


@cache
def _ruleset(bodies: tuple[str, ...], *, generate: bool) -> RuleSet:
    documents = [
        {
            "title": f"C{n}",
            "id": str(UUID(int=n + 1)),
            "name": f"c{n}",
            "correlation": {"generate": generate, **json.loads(body)},
        }
        for n, body in enumerate(bodies)
    ]
    # JSON is YAML.
    parsed = parse_file("correlations.yml", "\n---\n".join(map(json.dumps, documents)).encode())
    assert parsed.faults == [], parsed.faults
    rules = [rule(name) for name in RULES]
    resolved = resolve(rules, parsed.correlations)
    assert resolved.faults == ()
    return RuleSet(rules, [], correlations=list(resolved.correlations))


def trace(draw: random.Random, length: int = 24) -> list[Hit]:
    """Random hits, with events of one instant, events that fulfil several rules, and some that lack a field."""
    at, hits = START, []
    for _ in range(length):
        at += draw.choice((0, 0, 1, 1, 2, 3, 7, 15)) * SECOND
        fields: dict[str, str | float] = {
            "host": draw.choice(("h1", "h2")),
            "user": draw.choice(("u1", "u2")),
            "value": draw.choice("vwxyz"),
            "amount": draw.choice((-3, 1, 2, 2.5, 5, 9)),
        }
        if draw.random() < 0.05:
            del fields[draw.choice(sorted(fields))]
        rules = frozenset(draw.sample(RULES, draw.choice((1, 1, 1, 2))))
        hits.append(Hit(f"{draw.getrandbits(128):032x}", at, rules, fields))
    return hits


Arrival = tuple[Hit, int]
"""A hit and when it arrives."""


def prompt(hits: Iterable[Hit]) -> list[Arrival]:
    """Everything arrives when it happens."""
    return [(hit, hit.at) for hit in hits]


def shuffled(hits: Iterable[Hit], draw: random.Random) -> list[Arrival]:
    """Everything arrives up to the lateness after it happened."""
    return sorted(((hit, hit.at + draw.randint(0, LATENESS)) for hit in hits), key=lambda one: (one[1], one[0].id))


def two_workers(arrivals: Sequence[Arrival], draw: random.Random) -> list[list[Arrival]]:
    """Two workers match the events of different hosts; what they find in a batch is merged as it comes."""
    batches = []
    for start in range(0, len(arrivals), 6):
        batch = arrivals[start : start + 6]
        workers = [[one for one in batch if (one[0].fields.get("host") == "h1") is first] for first in (True, False)]
        merged = []
        while any(workers):
            merged.append(draw.choice([worker for worker in workers if worker]).pop(0))
        batches.append(merged)
    return batches


def event_of(hit: Hit, arrival: int) -> dict[str, Any]:
    """A hit as an event."""
    return {
        "event.id": hit.id,
        "@timestamp": hit.at,
        "event.ingested": arrival,
        "agent.id": f"agent-{hit.fields.get('host', '')}",
        "event.module": "test",
        **hit.fields,
    }


def make(rules: RuleSet, lateness: int = LATENESS) -> Correlator:
    """A correlator of the test's rules."""
    return Correlator(rules, lateness=lateness, resolver_factory=lambda _: lambda name: name)


def one_by_one(arrivals: Iterable[Arrival]) -> list[list[Arrival]]:
    """Each in a batch of its own."""
    return [[one] for one in arrivals]


def run(
    rules: RuleSet,
    batches: Sequence[list[Arrival]],
    restarts: Collection[int] = (),
    lateness: int = LATENESS,
    reloads: Collection[int] = (),
) -> list[Match]:
    """Offer a trace in batches; before those in `restarts` everything but the saved state is lost.

    Before those in `reloads` another correlator of the same rules takes over.
    """
    correlator, found = make(rules, lateness), []
    saved: dict[tuple[str, str], bytes] = {}
    for place, batch in enumerate(batches):
        if place in restarts:
            save(correlator, saved)
            correlator = make(rules, lateness)
            assert correlator.load([(*key, blob, 0) for key, blob in saved.items()]) == 0
        if place in reloads:
            before, correlator = correlator, make(rules, lateness)
            correlator.adopt(before)
        for hit, arrival in batch:
            found += correlator.offer(event_of(hit, arrival), [rule(name) for name in sorted(hit.rules)])
        found += correlator.advance(max(arrival for _, arrival in batch))
    return found + correlator.finish()


def save(correlator: Correlator, saved: dict[tuple[str, str], bytes]) -> None:
    """Write what changed, as the pipeline does."""
    for digest, key, blob in correlator.memory.saved(correlator.memory.changed()):
        if not blob:
            saved.pop((digest, key), None)
        else:
            saved[digest, key] = blob


def summary(found: Iterable[Match]) -> tuple[dict[str, tuple[Any, ...]], dict[Any, set[str]]]:
    """Matches by id, and the events that were named for each group of each correlation."""
    matches: dict[str, tuple[Any, ...]] = {}
    events: dict[Any, set[str]] = {}
    for match in found:
        matches[match.id] = (match.correlation.name, match.group, match.at)
        events.setdefault((match.correlation.name, match.group), set()).update(name for _, name in match.evidence)
    return matches, events

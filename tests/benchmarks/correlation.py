"""Correlations alone: rule hits a second for each type, and the memory of a hundred thousand live groups.

Time is CPU time of this process, with garbage collected as the box does it. The stream's events are made in batches
just before they are offered, as the box meets them, and making them is not counted: a few busy groups that match
again and again, many quiet ones, one hit in fifty late by some seconds. Then one busy group alone, whose hits come in
orders that are meant to hurt.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import psutil

from appliance.clock import SECOND
from appliance.detect import Rule, RuleSet
from appliance.detect.correlation import Correlation, Kind
from appliance.detect.correlation.correlator import Correlator
from appliance.detect.correlation.resolve import resolve
from appliance.detect.parse import parse_file
from appliance.settling import settle

MIN_RATE, MAX_MB, GROUPS = 100_000, 100.0, 100_000
#: Hits a second of one busy group, whatever the order in which they come.
MIN_UNKIND = 20_000
START = 1_790_000_000 * SECOND
RULES = ("ra", "rb", "rc")
BATCH = 512
Hits = Iterator[tuple[dict[str, Any], list[Rule]]]


def _rules() -> list[Rule]:
    text = "title: {0}\nname: {0}\nlogsource: {{product: test}}\ndetection: {{s: {{x: {0}}}, condition: s}}\n"
    return parse_file("rules.yml", "---\n".join(text.format(name) for name in RULES).encode()).rules


def _ruleset(kinds: Sequence[str], rules: list[Rule]) -> RuleSet:
    return RuleSet(rules, [], correlations=_correlations([_body(kind) for kind in kinds], rules))


def _correlations(bodies: Sequence[dict[str, Any]], rules: list[Rule]) -> list[Correlation]:
    documents = [{"title": f"{n}", "name": f"c{n}", "correlation": body} for n, body in enumerate(bodies)]
    parsed = parse_file("c.yml", "\n---\n".join(map(json.dumps, documents)).encode())
    return list(resolve(rules, parsed.correlations).correlations)


def _body(kind: str) -> dict[str, Any]:
    body: dict[str, Any] = {"type": kind, "rules": list(RULES), "group-by": ["host", "user"], "timespan": "10m"}
    if kind.startswith("temporal"):
        return body
    field = {} if kind == "event_count" else {"field": "amount" if kind != "value_count" else "value"}
    share = {"percentile": 95} if kind == "value_percentile" else {}
    return {**body, "condition": {"gte": 10 if kind in {"event_count", "value_count"} else 900, **field, **share}}


def _hits(rules: list[Rule], count: int, groups: int, seed: int = 5) -> Hits:
    draw = random.Random(seed)
    for number in range(count):
        now = START + number * 2000
        group = draw.randrange(groups) if draw.random() < 0.95 else draw.randrange(20)
        late = draw.randrange(20 * SECOND) if draw.random() < 0.02 else 0
        event = {
            "event.id": f"{draw.getrandbits(128):032x}",
            "@timestamp": now - late,
            "event.ingested": now,
            "agent.id": f"agent-{group % 50}",
            "event.module": "test",
            "host": f"STATION-{group % 300:04}",
            "user": f"user.{group}",
            "value": f"value-{draw.randrange(5000)}",
            "amount": draw.randrange(1000),
        }
        yield event, [rules[draw.randrange(len(rules))]]


ORDERS = ("in order", "whole seconds", "two senders 20 s apart", "reversed", "shuffled")
#: What is asked of the hits of one busy group: type, least number, how many different values they have, and timespan.
#: At 500 hits a second, 12 s have 6,000 of them: enough of 5,500 values all the time, with some that leave at each hit.
BUSY = (
    ("event_count", 100, 0, "30m"),
    ("event_count", 5000, 0, "30m"),
    ("value_count", 8, 500, "30m"),
    ("value_count", 5000, 4990, "30m"),
    ("value_count", 5000, 1 << 30, "30m"),
    ("value_count", 5000, 5500, "12s"),
    ("temporal", 0, 0, "30m"),
    ("temporal_ordered", 0, 0, "30m"),
    ("value_sum", 900, 0, "30m"),
    ("value_median", 900, 0, "30m"),
)


def _busy(kind: str, least: int, span: str) -> dict[str, Any]:
    body: dict[str, Any] = {"type": kind, "rules": list(RULES), "group-by": ["host"], "timespan": span}
    if not kind.startswith("temporal"):
        field = {"value_count": {"field": "value"}, "event_count": {}}.get(kind, {"field": "amount"})
        body["condition"] = {"gte": least, **field}
    return body


def _flood(rules: list[Rule], count: int, order: str, values: int, seed: int = 5) -> Hits:
    """Hits of one group, 500 a second by their own clocks, which come in an unkind order; one rule is most of them."""
    draw = random.Random(seed)
    places = list(range(count))
    if order == "reversed":
        places.reverse()
    elif order == "shuffled":
        draw.shuffle(places)
    for number, place in enumerate(places):
        at = START + place * 2000
        if order == "whole seconds":
            at = START + place // 500 * SECOND
        elif order == "two senders 20 s apart" and place // 500 % 2:
            at -= 20 * SECOND
        event = {
            "event.id": f"{draw.getrandbits(128):032x}",
            "@timestamp": at,
            "event.ingested": START + count * 2000,
            "agent.id": "agent",
            "event.module": "test",
            "host": "STATION",
            "value": f"value-{number % (values or 1)}",
            "amount": number % 1000,
        }
        yield event, [rules[0 if number % 50 else draw.randrange(3)]]


def _unkind(rules: list[Rule], count: int) -> float:
    """Print the rates of one busy group in unkind orders; return the lowest."""
    slowest = float("inf")
    for order in ORDERS:
        for kind, least, values, span in BUSY:
            ruleset = RuleSet(rules, [], correlations=_correlations([_busy(kind, least, span)], rules))
            rate, correlator = _rate(ruleset, _flood(rules, count, order, values))
            slowest = min(slowest, rate)
            what = f"{order}: {kind} {least or ''}{f' of {values:,} values in {span}' if values else ''}"
            sys.stdout.write(f"{what:64} {rate:10,.0f} hits/s   {correlator.seen.matches:8,} matches\n")
    return slowest


def _rate(ruleset: RuleSet, hits: Hits) -> tuple[float, Correlator]:
    correlator = Correlator(ruleset, resolver_factory=lambda _: lambda name: name)
    settle()
    count, took = 0, 0.0
    while batch := list(islice(hits, BATCH)):
        began = time.process_time()
        for event, rules in batch:
            correlator.offer(event, rules)
        correlator.advance(batch[-1][0]["event.ingested"])
        took += time.process_time() - began
        count += len(batch)
    correlator.memory.changed()
    return count / took, correlator


def _memory(rules: list[Rule]) -> tuple[float, Correlator]:
    """Megabytes that a hundred thousand groups take, each with three hits."""
    correlator = Correlator(_ruleset(["event_count"], rules), resolver_factory=lambda _: lambda name: name)
    gc.collect()
    before = psutil.Process().memory_info().rss
    for number in range(3 * GROUPS):
        group = number % GROUPS
        event: dict[str, Any] = {
            "event.id": f"{number:032x}",
            "@timestamp": START + number,
            "event.ingested": START + number,
            "agent.id": f"agent-{group % 50}",
            "host": f"STATION-{group % 300:04}",
            "user": f"user.name.{group}",
        }
        correlator.offer(event, rules[:1])
    correlator.memory.changed()
    gc.collect()
    return (psutil.Process().memory_info().rss - before) / 1e6, correlator


def main(argv: list[str]) -> int:
    """Measure and print; 0 when every promise is kept, 1 when one is not."""
    parser = argparse.ArgumentParser(prog="bench correlation")
    parser.add_argument("--hits", type=int, default=200_000)
    count = parser.parse_args(argv).hits
    rules = _rules()
    megabytes, correlator = _memory(rules)
    live = correlator.kept.groups
    del correlator
    slowest = float("inf")
    for kind in Kind:
        rate, correlator = _rate(_ruleset([kind], rules), _hits(rules, count, 20_000))
        slowest = min(slowest, rate)
        seen, groups = correlator.seen, correlator.kept.groups
        sys.stdout.write(f"{kind:18} {rate:10,.0f} hits/s   {seen.matches:8,} matches, {groups:7,} groups\n")
    every, _ = _rate(_ruleset(list(Kind), rules), _hits(rules, count, 20_000))
    sys.stdout.write(f"all eight at once  {every:10,.0f} events/s, {every * len(Kind):,.0f} hits/s\n")
    sys.stdout.write(f"slowest type       {slowest:10,.0f} hits/s   promised {MIN_RATE:,}\n")
    unkind = _unkind(rules, count // 10)
    sys.stdout.write(f"slowest order      {unkind:10,.0f} hits/s   promised {MIN_UNKIND:,}\n")
    sys.stdout.write(f"{live:,} live groups take {megabytes:.0f} MB   promised {MAX_MB:.0f}\n")
    return 0 if slowest >= MIN_RATE and unkind >= MIN_UNKIND and megabytes <= MAX_MB and live == GROUPS else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The engine against the oracle on generated rules, filters and events.

`python -m tests.appliance.detect.fuzz --pairs N --seed S` runs until N pairs of a rule and an event agree, or until
some do not: those are printed, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from time import process_time
from typing import Any
from unittest.mock import patch

import yaml

from appliance.detect import Engine, RuleSet, event_class, partition
from appliance.detect.filters import apply_filters
from appliance.detect.memo import Samples
from appliance.detect.parse import parse_file
from tests.appliance.detect.generate import LISTS, Draws
from tests.appliance.detect.kit import ROUTES, same
from tests.appliance.detect.oracle import Oracle

#: Every how many events one rule explains itself.
_EXPLAINED = 5
#: Events that are matched together.
_RUN = 7


@dataclass(frozen=True)
class Batch:
    """Rules and filters as they would stand in YAML, and events."""

    rules: list[dict[str, Any]]
    filters: list[dict[str, Any]]
    events: list[dict[str, Any]]


@dataclass(frozen=True)
class Difference:
    """One pair on which the two do not agree."""

    rule: dict[str, Any]
    filters: list[dict[str, Any]]
    event: dict[str, Any]
    engine: bool


@contextmanager
def eager() -> Iterator[None]:
    """Engines that learn from the first events they see, and at once."""
    with patch.object(partition, "_WORTH_IT", 0), patch.object(partition, "_SLICE", 60.0):
        yield


def batch_of(draws: Draws, rules: int, events: Iterable[Draws]) -> Batch:
    """A batch of `rules` rules, up to two filters, and one event from each of `events`."""
    return Batch(
        [draws.rule(number) for number in range(rules)],
        [draws.filter(number, rules) for number in range(draws.below(3))],
        [{"event.module": "test", **one.event()} for one in events],
    )


def differences(batch: Batch) -> Iterator[Difference]:
    """What differs in one batch; each event is shown twice: among others while the engine learns, and then alone."""
    engine = built(batch.rules + batch.filters)
    oracle = Oracle.of_documents(batch.rules + batch.filters, ROUTES, same, LISTS)
    wanted = [oracle.match(event, event_class(event)) for event in batch.events]
    runs = [batch.events[first : first + _RUN] for first in range(0, len(batch.events), _RUN)]
    among = (found for run in runs for found in engine.match_many(run))
    found = chain(among, map(engine.match, batch.events))
    for number, (event, ids, rules) in enumerate(zip(batch.events * 2, wanted * 2, found, strict=True)):
        wrong = {rule.id for rule in rules} ^ ids
        explained = engine.rules[number % len(engine.rules)]
        if number % _EXPLAINED == 0 and engine.explain(explained, event).truth is not (explained.id in ids):
            wrong.add(explained.id)
        for rule in wrong:
            document = next(one for one in batch.rules if one["id"] == rule)
            yield Difference(document, batch.filters, event, rule not in ids)


def built(documents: list[dict[str, Any]]) -> Engine:
    text = yaml.dump_all(documents, Dumper=yaml.CSafeDumper, allow_unicode=True)
    parsed = parse_file("rules.yml", text.encode(), LISTS)
    assert parsed.faults == [], (parsed.faults, text)
    found, faults = apply_filters(parsed.rules, parsed.filters)
    assert faults == []
    learning = Samples(wanted=2, a_rule=0)
    return Engine(RuleSet(found, []), routes=ROUTES, resolver_factory=same, samples=learning)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.appliance.detect.fuzz", description=__doc__)
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(argv)
    source = random.Random(asked.seed)
    draws = Draws(source.randrange)
    rules, events = 30, 400
    pairs = batches = 0
    start = process_time()
    with eager():
        while pairs < asked.pairs:
            found = list(differences(batch_of(draws, rules, [draws] * events)))
            pairs += rules * events
            batches += 1
            for one in found[:3]:
                print(yaml.dump_all([one.rule, *one.filters], Dumper=yaml.CSafeDumper, allow_unicode=True))
                print(f"event: {one.event!r}\nengine: {one.engine}")
            if found:
                print(f"{len(found)} differences in batch {batches} of seed {asked.seed}")
                return 1
            if batches % 20 == 0:
                print(f"{pairs} pairs, 0 differences, {process_time() - start:.0f} s of CPU", flush=True)
    print(f"{pairs} pairs, 0 differences, seed {asked.seed}, {process_time() - start:.0f} s of CPU")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Which of our rules and correlations speak of packets, how often, through the sensor and the box's own parts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from appliance.detect import Engine, Rule, load_rules
from appliance.detect.correlation import Correlation
from appliance.detect.correlation.correlator import Correlator
from appliance.detect.selftest import CORRELATIONS, SIGMA, SOURCE
from appliance.normalise import normalise
from collector.acquaintance import Acquaintance
from collector.analysers.registry import analysers
from collector.capture.batch import Batch
from collector.heads.head import Entry
from collector.increments import Increments
from collector.protocols.registry import PROTOCOLS
from collector.records import wire_record
from collector.settings import settings
from collector.watch import Watch

LATENESS = 3600 * 1_000_000


@dataclass
class Told:
    """How many logs of each kind there were, and how often each rule fired, by its level and its file's name."""

    logs: Counter[str] = field(default_factory=Counter)
    hits: Counter[tuple[int, str]] = field(default_factory=Counter)
    faults: int = 0

    def above(self, level: int) -> dict[str, int]:
        """Return the hits of rules of this level or a higher one."""
        return {name: count for (of, name), count in self.hits.items() if of >= level}


def told(batches: Iterable[Batch]) -> Told:
    """Let packets pass by, through the reader and the analysers, and their logs through normaliser and engine."""
    ruleset, watch, found = load_rules([SIGMA, CORRELATIONS]), Watch(PROTOCOLS, analysers=analysers()), Told()
    engine, correlator = Engine(ruleset), Correlator(ruleset, lateness=LATENESS)
    for entry in _logs(batches, watch):
        found.logs[entry.log.path] += 1
        event = normalise(json.dumps(wire_record(entry)).encode(), SOURCE)
        rules = engine.match(event)
        found.hits.update(map(_named, rules))
        found.hits.update(_named(match.correlation) for match in correlator.offer(event, rules))
    found.hits.update(_named(match.correlation) for match in correlator.finish())
    found.faults = watch.analysis.faults
    return found


def _logs(batches: Iterable[Batch], watch: Watch) -> Iterator[Entry]:
    """Yield the logs as `read` tells them."""
    sides, increments, acquaintance = settings((), ()).sides, Increments(), Acquaintance()

    def said(entries: Iterable[Entry]) -> Iterator[Entry]:
        for entry in entries:
            yield sides.say(increments.say(acquaintance.say(entry)))

    for batch in batches:
        yield from said(watch.take(batch))
    yield from said(watch.finish())


def _named(one: Rule | Correlation) -> tuple[int, str]:
    return one.level, Path(one.source_file).stem

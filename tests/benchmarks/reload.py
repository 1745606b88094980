"""A change of rules under load: the longest pause of the stream, with all of SigmaHQ and as many groups as may be.

`./czujka bench reload [--seconds N]`. Events go through the engine in one thread, while the next engine is made in
another as the pipeline does it; correlations remember 200,000 groups, half of which wait for a window to end. First
another rule comes and the correlations stay, then they change, too. A pause is the time from one event's end to the
next one's; time in which the machine gave the processor to other processes is not counted.
"""

from __future__ import annotations

import argparse
import itertools
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from sqlalchemy.orm import sessionmaker

from agent.wire.envelope import encode_record
from appliance.clock import SECOND, now
from appliance.detect import Engine
from appliance.detect.correlation.correlator import Correlator
from appliance.detect.correlation.entry import tail
from appliance.detect.correlation.state import MAX_GROUPS
from appliance.home import Home
from appliance.journal import DeadLetters, Journal
from appliance.normalise import Event, Source, normalise
from appliance.pipeline.correlating import Correlating
from appliance.pipeline.pipeline import Pipeline
from appliance.rulesets import ActiveRules, active_rules
from appliance.rulesets.prepare import prepare
from appliance.rulesets.reload import Ready, Reloader
from appliance.rulesets.watch import Mark, files_mark
from appliance.settings import RuleSettings, Settings
from appliance.settling import settle
from appliance.store import EmbeddedStore
from tests.appliance.rulesets import kit
from tests.appliance.state.fresh import fresh_state
from tests.benchmarks import spine
from tests.conftest import corpora_root

STEP = 200
HITS = 4
"""Hits that each group remembers."""
START = 1_790_000_000 * SECOND
SOURCE = Source("00000000-0000-4000-8000-000000000000", START)
#: One is judged at every event, the other when its window is over.
CORRELATIONS = """title: Many
name: many
id: 00000000-0000-4000-8000-0000000000a1
correlation:
  type: event_count
  rules: [{rule}]
  group-by: [User]
  timespan: {hours}h
  condition: {{gte: 1000}}
---
title: Few
name: few
id: 00000000-0000-4000-8000-0000000000a2
correlation:
  type: event_count
  rules: [{rule}]
  group-by: [User]
  timespan: {hours}h
  condition: {{lte: 1}}
"""


def main(argv: list[str]) -> int:
    """Measure and print."""
    options = argparse.ArgumentParser(prog="czujka bench reload")
    options.add_argument("--seconds", type=float, default=8.0)
    seconds = options.parse_args(argv).seconds
    folders = [
        corpora_root() / "sigmahq" / name for name in ("rules", "rules-emerging-threats", "rules-threat-hunting")
    ]
    settings = Settings(rules=RuleSettings(folders=[folder for folder in folders if folder.is_dir()]))
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        home.create()
        _measure(home, settings, seconds)
    return 0


def _measure(home: Home, settings: Settings, seconds: float) -> None:
    (home.rules / "1.yml").write_text(kit.rule_text(1))
    _correlate(home, hours=20)
    prepare(home)
    rules = active_rules(home, settings)
    first = Ready(rules, Engine(rules), Correlator(rules))
    pipeline = _pipeline(home, settings, first)
    settle()
    _fill(first.correlator)
    reloader = Reloader(
        first,
        mark=lambda: Mark(files_mark(home, settings)),
        prepare=lambda: prepare(home),
        load=lambda before: active_rules(home, settings, before=before),
        build=_build,
        now=now,
    )
    stream = _Stream(pipeline, reloader, _events(2))
    # The first events teach the engine its index; that is not what is measured here.
    stream.run(seconds)
    print(f"rules: {len(rules.rules)}, groups: {first.correlator.kept.groups}")
    _tell("alone", stream, stream.run(seconds))
    (home.rules / "2.yml").write_text(kit.rule_text(2))
    _tell("another rule", stream, stream.run(seconds, stream.follow))
    _correlate(home, hours=21)
    _tell("other correlations", stream, stream.run(seconds, stream.follow))


def _build(made: ActiveRules, before: Engine) -> Engine:
    engine = Engine(made, plans=before.plans)
    engine.warm(before.kinds())
    return engine


def _correlate(home: Home, *, hours: int) -> None:
    (home.rules / "correlations.yml").write_text(CORRELATIONS.format(rule=kit.uuid(1), hours=hours))


def _pipeline(home: Home, settings: Settings, first: Ready) -> Pipeline:
    return Pipeline(
        journal=Journal(home.journal, 1 << 26),
        dead_letters=DeadLetters(home.dead_letters),
        store=EmbeddedStore(home.store),
        engine=first.engine,
        sessions=sessionmaker(fresh_state(f"sqlite:///{home.state}")),
        settings=settings,
        normalise=normalise,
        importer="",
        clock=now,
        correlating=Correlating(first.correlator),
    )


def _fill(correlator: Correlator) -> None:
    """Let the correlations remember as many groups as they may."""
    nodes = [node for node in correlator.plan.nodes if node.correlation.name in {"many", "few"}]
    each = MAX_GROUPS // len(nodes)
    for number in range(HITS * each):
        places = [(node.number, f"user.name.{number % each}", tail(1)) for node in nodes]
        correlator.take((number.to_bytes(16, "big"), START + number, START + number, "agent", places))
    correlator.memory.changed()


class _Stream:
    """Events through the pipeline's engine, and what else it does between two steps when the rules change."""

    def __init__(self, pipeline: Pipeline, reloader: Reloader, events: Iterator[Event]) -> None:
        self.pipeline, self._reloader, self._events = pipeline, reloader, events
        self.switched = 0.0
        """Seconds that the last change took the stream."""

    def run(self, seconds: float, beside: Callable[[], None] | None = None) -> tuple[list[float], float]:
        """Return the longest pause of each step, and events a second."""
        thread = threading.Thread(target=beside) if beside else None
        batches = [list(itertools.islice(self._events, STEP)) for _ in range(20)]
        pauses: list[float] = []
        began = time.perf_counter()
        if thread is not None:
            thread.start()
        while time.perf_counter() - began < seconds or (thread is not None and thread.is_alive()):
            waited = _waited()
            longest = self._step(batches[len(pauses) % len(batches)])
            pauses.append(max(0.0, longest - (_waited() - waited)))
        return pauses, STEP * len(pauses) / (time.perf_counter() - began)

    def follow(self) -> None:
        """Look as the pipeline does, until the change is in force and what was before it is gone."""
        reloads = self._reloader.told.reloads
        while self._reloader.told.reloads == reloads:
            self._reloader.look()
            time.sleep(0.1)
        self._reloader.look()

    def _step(self, events: Sequence[Event]) -> float:
        clock = time.perf_counter
        longest, last = 0.0, clock()
        ready = self._reloader.take()
        if ready is not None:
            self.pipeline.use(ready.engine, ready.correlator)
            self.switched = clock() - last
        assert self.pipeline.correlating is not None
        self.pipeline.correlating.advance(START + 60 * SECOND)
        match = self.pipeline.engine.match
        for event in events:
            match(event)
            at = clock()
            if at - last > longest:
                longest = at - last
            last = at
        return longest


def _tell(name: str, stream: _Stream, told: tuple[list[float], float]) -> None:
    pauses, pace = told
    assert stream.pipeline.correlating is not None
    kept = stream.pipeline.correlating.correlator.kept
    worst = ", ".join(f"{one * 1e3:.0f}" for one in sorted(pauses)[:-6:-1])
    print(
        f"{name}: {pace:.0f} events/s; longest pauses {worst} ms; the last switch took {stream.switched * 1e3:.1f} ms; "
        f"{kept.groups} groups, {kept.entries} hits remembered"
    )


def _waited() -> float:
    """Return the seconds for which this thread could have run and had no processor."""
    return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9


def _events(seed: int) -> Iterator[Event]:
    rng = random.Random(seed)
    for number in itertools.count(seed * 10_000_000):
        yield normalise(encode_record(spine._event(rng, number)), SOURCE)

"""A change of rules under load: the longest pause of the stream, with all of SigmaHQ.

`./czujka bench reload [--seconds N]`. Events go through the engine in one thread, while the next engine is made in
another as the pipeline does it. A pause is the time from one event's end to the next one's; time in which the machine
gave the processor to other processes is not counted.
"""

from __future__ import annotations

import argparse
import itertools
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from agent.wire.envelope import encode_record
from appliance.clock import now
from appliance.detect import Engine
from appliance.home import Home
from appliance.normalise import Event, Source, normalise
from appliance.rulesets import ActiveRules, active_rules
from appliance.rulesets.prepare import prepare
from appliance.rulesets.reload import Ready, Reloader
from appliance.rulesets.watch import Mark, files_mark
from appliance.settings import RuleSettings, Settings
from tests.appliance.rulesets import kit
from tests.benchmarks import spine
from tests.conftest import corpora_root

STEP = 200
SOURCE = Source("00000000-0000-4000-8000-000000000000", 1_790_000_000_000_000)


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
    prepare(home)
    rules = active_rules(home, settings)
    first = Engine(rules)
    for event in itertools.islice(_events(1), 400):
        first.match(event)

    def build(made: ActiveRules, before: Engine) -> Engine:
        engine = Engine(made, plans=before.plans)
        engine.warm(before.kinds())
        return engine

    reloader = Reloader(
        Ready(rules, first),
        mark=lambda: Mark(files_mark(home, settings)),
        prepare=lambda: prepare(home),
        load=lambda before: active_rules(home, settings, before=before),
        build=build,
        now=now,
    )
    events = _events(2)
    # The first events teach the engine its index; that is not what is measured here.
    _run(reloader, events, seconds, None)
    quiet = _run(reloader, events, seconds, None)
    (home.rules / "1.yml").write_text(kit.rule_text(1))
    busy = _run(reloader, events, seconds, reloader.look)
    print(f"rules: {len(rules.rules)}, reloads: {reloader.told.reloads}")
    for name, (pauses, pace) in (("alone", quiet), ("with a reload", busy)):
        worst = ", ".join(f"{one * 1e3:.0f}" for one in sorted(pauses)[:-6:-1])
        print(f"{name}: {pace:.0f} events/s; longest pauses {worst} ms")


def _run(
    reloader: Reloader, events: Iterator[Event], seconds: float, beside: Callable[[], None] | None
) -> tuple[list[float], float]:
    """Return the longest pause of each step, and events a second."""
    thread = threading.Thread(target=beside) if beside else None
    batches = [list(itertools.islice(events, STEP)) for _ in range(20)]
    pauses: list[float] = []
    clock = time.perf_counter
    if thread is not None:
        thread.start()
    began = clock()
    while clock() - began < seconds or (thread is not None and (thread.is_alive() or reloader.told.reloads == 0)):
        waited, longest, last = _waited(), 0.0, clock()
        reloader.take()
        match = reloader.current.engine.match
        for event in batches[len(pauses) % len(batches)]:
            match(event)
            at = clock()
            if at - last > longest:
                longest = at - last
            last = at
        pauses.append(max(0.0, longest - (_waited() - waited)))
    return pauses, STEP * len(pauses) / (clock() - began)


def _waited() -> float:
    """Return the seconds for which this thread could have run and had no processor."""
    return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9


def _events(seed: int) -> Iterator[Event]:
    rng = random.Random(seed)
    for number in itertools.count(seed * 10_000_000):
        yield normalise(encode_record(spine._event(rng, number)), SOURCE)

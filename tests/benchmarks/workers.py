"""One worker and two: batches through the pipeline's crew with all Windows rules of SigmaHQ, alone and with one helper.

`./czujka bench workers [--events N] [--rounds N]`. Both ways are taken in turn, on the same batches, and the ratio of
neighbours is the figure. It needs two cores that nothing else uses. What is measured is reading, normalising,
matching and bringing all events back into the first process, as the box does; nothing is written.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from agent.wire.envelope import pack
from appliance.detect import Engine, load_rules
from appliance.journal import Batch
from appliance.normalise import normalise
from appliance.pipeline.crew import Crew
from appliance.pipeline.pipeline import READ_BATCHES
from appliance.pipeline.work import Worker
from tests.appliance.detect.corpus import SOURCE
from tests.benchmarks import _streams
from tests.conftest import corpora_root

BATCH = 500
WANTED = 1.8


def main(argv: list[str]) -> int:
    """Print the rates of each round and the ratio."""
    options = argparse.ArgumentParser(prog="czujka bench workers")
    options.add_argument("--events", type=int, default=40_000)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args(argv)
    corpora = corpora_root()
    with TemporaryDirectory() as folder:
        ruleset = load_rules([corpora / "sigmahq" / "rules" / "windows"], Path(folder))
    worker = Worker(Engine(ruleset), normalise, "")
    batches = _batches(corpora, worker, chosen.events)
    crew = Crew(worker)
    _rate(crew, batches)
    gc.collect()
    gc.freeze()
    ratios = []
    for number in range(chosen.rounds):
        alone = _rate(crew, batches)
        _hire(crew, batches)
        both = _rate(crew, batches)
        crew.close()
        ratios.append(both / alone)
        print(f"pass {number + 1}: one worker {alone:.0f} events/s, two {both:.0f} events/s, {ratios[-1]:.2f} ×")
    middle = statistics.median(ratios)
    print(f"two workers : one {middle:.2f} (wanted {WANTED}), {len(os.sched_getaffinity(0))} cores")
    return 0 if middle >= WANTED else 1


def _batches(corpora: Path, worker: Worker, events: int) -> list[Batch]:
    flat = _streams.samples(corpora)

    def fires(record: _streams.Record) -> bool:
        return bool(worker.engine.match(normalise(orjson.dumps(record), SOURCE)))

    lines = list(_streams.unique(flat, fires, events))
    parts = [lines[start : start + BATCH] for start in range(0, events, BATCH)]
    return [
        Batch(seq, SOURCE.agent_id, str(seq), SOURCE.received_at, None, len(part), pack(part))
        for seq, part in enumerate(parts, 1)
    ]


def _hire(crew: Crew, batches: Sequence[Batch]) -> None:
    """Have a helper that has seen every class of events."""
    crew.hire()
    while not crew.helpers[0].ready:
        time.sleep(0.05)
    _rate(crew, batches)


def _rate(crew: Crew, batches: Sequence[Batch]) -> float:
    began, waiting = time.perf_counter(), list(batches)
    while True:
        while waiting and crew.room:
            crew.add(waiting[:READ_BATCHES])
            del waiting[:READ_BATCHES]
        done = crew.done()
        if not done:
            return sum(batch.records for batch in batches) / (time.perf_counter() - began)
        crew.forget(len(done))

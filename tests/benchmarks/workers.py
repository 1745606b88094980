"""One worker and two: batches through the pipeline's crew with all Windows rules of SigmaHQ, alone and with one helper.

`./czujka bench workers [--events N] [--rounds N]`. Both ways are taken in turn, each time on events whose values never
came before, and the ratio of neighbours is the figure. It needs two cores that nothing else uses. What is measured is
reading, normalising, matching and bringing all events back into the first process, as the box does; nothing is
written. Beside it stands what two processes reach that share nothing at all: no way to share out work is faster on
that machine.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
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
    options.add_argument("--events", type=int, default=60_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--apart", action="store_true", help=argparse.SUPPRESS)
    chosen = options.parse_args(argv)
    crew, portions = _ready(chosen.events, 2 * chosen.rounds + 2)
    if chosen.apart:
        return _work_apart(crew, portions)
    both = Crew(crew.worker)
    _hire(both, next(portions))
    ratios = []
    for number in range(chosen.rounds):
        one, two = _rate(crew, next(portions)), _rate(both, next(portions))
        ratios.append(two / one)
        print(f"pass {number + 1}: one worker {one:.0f} events/s, two {two:.0f} events/s, {ratios[-1]:.2f} ×")
    both.close()
    middle = statistics.median(ratios)
    print(f"two workers : one {middle:.2f} (wanted {WANTED}), {len(os.sched_getaffinity(0))} cores")
    print(f"two processes that share nothing : one {_apart(chosen.events, chosen.rounds):.2f}")
    return 0 if middle >= WANTED else 1


def _ready(events: int, portions: int) -> tuple[Crew, Iterator[list[Batch]]]:
    """Return a crew of one that has seen every class of events, and so many portions of events it has not seen."""
    corpora = corpora_root()
    with TemporaryDirectory() as folder:
        ruleset = load_rules([corpora / "sigmahq" / "rules" / "windows"], Path(folder))
    worker = Worker(Engine(ruleset), normalise, "")
    batches = _batches(corpora, worker, events * (portions + 1))
    size = events // BATCH
    cut = iter([batches[start : start + size] for start in range(0, len(batches), size)])
    crew = Crew(worker)
    _rate(crew, next(cut))
    gc.collect()
    gc.freeze()
    return crew, cut


def _apart(events: int, rounds: int) -> float:
    """Return what two processes do together at once : one of them alone, the middle of the rounds."""
    command = [sys.executable, "-m", __spec__.name, "--apart", "--events", str(events), "--rounds", str(rounds)]
    both = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for one in both:
        _told(one)
    ratios = []
    for _ in range(rounds):
        alone = _asked(both[:1])
        ratios.append(_asked(both) / alone)
    for one in both:
        one.communicate()
    return statistics.median(ratios)


def _asked(processes: Sequence[subprocess.Popen[str]]) -> float:
    """Have processes work at once; return their rates together."""
    for one in processes:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    return sum(map(_told, processes))


def _told(process: subprocess.Popen[str]) -> float:
    assert process.stdout is not None
    return float(process.stdout.readline())


def _work_apart(crew: Crew, portions: Iterator[list[Batch]]) -> int:
    """Say that it is ready, then the rate of each round that a line of standard input asks for."""
    print(0, flush=True)
    for portion, _ in zip(portions, sys.stdin, strict=False):
        print(_rate(crew, portion), flush=True)
    return 0


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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

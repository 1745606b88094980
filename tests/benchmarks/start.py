"""From nothing to the first verdict with all of SigmaHQ: cold, with an empty cache, and warm, as at every later start.

`./czujka bench start [--times N]`. Each start is a process of its own, of which each step is told in seconds of the
clock and, in brackets, of CPU; Python itself counts under `imports`. The files of rules were read before, so the
machine has them at hand in both cases. Ends with 1 when a start takes more CPU time than is promised.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import orjson

from tests.appliance.detect.corpus import rule_folders
from tests.conftest import corpora_root

#: Seconds until the first verdict.
PROMISED = {"cold": 15.0, "warm": 1.0}
Took = dict[str, tuple[float, float]]
"""Seconds by step: of the clock and of CPU."""


def main(argv: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="czujka bench start")
    parser.add_argument("--times", type=int, default=3, help="cold starts, each with a warm one after it")
    worst = dict.fromkeys(PROMISED, 0.0)
    for _ in range(parser.parse_args(argv).times):
        with TemporaryDirectory() as cache:
            for name in PROMISED:
                took = _start(Path(cache))
                clock, cpu = (sum(parts) for parts in zip(*took.values(), strict=True))
                worst[name] = max(worst[name], cpu)
                steps = ", ".join(f"{step} {one:.2f} ({other:.2f})" for step, (one, other) in took.items())
                print(f"{name}: {clock:.2f} s, {cpu:.2f} s of CPU: {steps}", flush=True)
    print(", ".join(f"{name}: at most {worst[name]:.2f} s, promised {most:.0f}" for name, most in PROMISED.items()))
    return int(any(worst[name] > most for name, most in PROMISED.items()))


def _start(cache: Path) -> Took:
    command = [sys.executable, "-m", "tests.benchmarks._start", str(perf_counter()), str(cache)]
    folders = map(str, rule_folders(corpora_root()))
    told = subprocess.run([*command, *folders], stdout=subprocess.PIPE, check=True).stdout
    return {step: (clock, cpu) for step, (clock, cpu) in orjson.loads(told).items()}

"""The sensor for long: the made mix without an end, memory by the minute, and how it grows.

The mix runs by a clock of its own at a given rate, so flows end and analysers forget as they would at a card; the
process reads it as fast as it can.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from agent.wire.sending.memory import settle
from collector.analysers.registry import analysers
from collector.capture.batch import Link, batch_of
from collector.logs import line
from collector.protocols.registry import PROTOCOLS
from collector.watch import Watch
from tests.benchmarks._traffic import frames

BATCH = 4096
"""Frames of a batch, as many as a block of the ring has."""
MIX = 2_000_000
"""Frames until the mix begins anew with another seed."""
STEP = 30.0
"""Seconds between two readings of the memory."""
_PAGE = 4096
_GAP = 250_000
"""Nanoseconds between two frames: 4,000 a second, an office by day."""


def run(seconds: float) -> None:
    """Read for so long; print memory, flows and heads by the minute, and the growth in the second half."""
    watch, began = Watch(PROTOCOLS, analysers=analysers()), time.monotonic()
    logs, shown, readings = 0, began, list[tuple[float, float]]()
    settle()
    for number, part in enumerate(_batches()):
        at = (1_790_000_000_000_000_000 + (number * BATCH + np.arange(len(part))) * _GAP).tolist()
        for entry in watch.take(batch_of(part, at, Link.ETHERNET)):
            logs += len(line(entry)) > 0
        now = time.monotonic()
        if now - shown >= STEP:
            shown = now
            readings.append((now - began, _resident()))
            _show(watch, logs, *readings[-1])
        if now - began >= seconds:
            break
    _show_growth(readings, watch.frames / (time.monotonic() - began))


def _batches() -> Iterator[list[bytes]]:
    for seed in itertools.count():
        mix = frames(MIX, seed)
        while part := list(itertools.islice(mix, BATCH)):
            yield part


def _resident() -> float:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * _PAGE / (1 << 20)


def _show(watch: Watch, logs: int, at: float, memory: float) -> None:
    live = int(watch.table.columns.live.sum())
    read = len(watch.heads)
    print(
        f"{at:5.0f} s: {memory:.1f} MiB, {watch.frames} packets, {live} flows live, {read} read, {logs} logs",
        flush=True,
    )


def _show_growth(readings: Iterable[tuple[float, float]], rate: float) -> None:
    rows = list(readings)
    rows = rows[len(rows) // 2 :]
    if len(rows) < 3:
        print("too short for a growth line")
        return
    at, memory = zip(*rows, strict=True)
    slope = float(np.polyfit(at, memory, 1)[0])
    million = slope / rate * 1e6
    print(f"growth in the second half: {slope * 3600:+.2f} MiB an hour, {million:+.3f} MiB a million packets")

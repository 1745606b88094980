"""The sensor for long: the made mix without an end, memory by the minute, and how it grows.

The mix runs by a clock of its own, so flows end and analysers forget as they would at a card; the process reads it as
fast as it can. Another process makes it. Computers of the mix come back to the servers that they know, as those of an
office do, so what the sensor remembers of them fills in the first minutes, and the second half shows the rest.
"""

from __future__ import annotations

import fcntl
import itertools
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import cast

import numpy as np

from agent.wire.sending.memory import settle
from collector.analysers.registry import analysers
from collector.capture.files import CaptureFile
from collector.logs import line
from collector.protocols.registry import PROTOCOLS
from collector.watch import Watch
from tests.benchmarks._traffic import frames, office, write

MIX = 2_000_000
"""Frames until the mix begins anew with another seed."""
RATE = 4000
"""Frames a second of the mix's clock: an office by day."""
STEP = 30.0
"""Seconds between two readings of the memory."""
_PAGE = 4096
_ROOM = 1 << 20
"""Bytes that wait between the two processes: about 1,200 frames."""


def run(seconds: float) -> None:
    """Read for so long; print memory, flows and heads by the minute, and the growth in the second half."""
    watch, began = Watch(PROTOCOLS, analysers=analysers()), time.monotonic()
    logs, shown, readings = 0, began, list[tuple[float, float]]()
    settle()
    with _mix() as stream:
        for batch in CaptureFile(stream):
            for entry in watch.take(batch):
                logs += len(line(entry)) > 0
            now = time.monotonic()
            if now - shown >= STEP:
                shown = now
                readings.append((now - began, _resident()))
                _show(watch, logs, *readings[-1])
            if now - began >= seconds:
                break
    _show_growth(readings, watch.frames / (time.monotonic() - began))


def make() -> None:
    """Write the mix to standard output until nobody reads it."""
    mixes = (frames(MIX, seed, office) for seed in itertools.count())
    write(sys.stdout.buffer, itertools.chain.from_iterable(mixes), RATE)


@contextmanager
def _mix() -> Iterator[BufferedIOBase]:
    command = [sys.executable, "-c", "from tests.benchmarks._soak import make; make()"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, _ROOM)
    try:
        yield cast("BufferedIOBase", process.stdout)
    finally:
        process.kill()
        process.communicate()


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

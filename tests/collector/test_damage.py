"""All shared captures with random damage: nothing is raised, no parser is at fault, and nothing stays behind.

A sample with a fixed seed; `CZUJKA_EXAMPLES=random` takes all captures, damaged in another way each time.
"""

from __future__ import annotations

import io
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from collector.analysers.registry import analysers
from collector.capture.batch import Batch
from collector.capture.files import CaptureFile
from collector.capture.form import Unknown
from collector.heads.reader import MAX_HELD
from collector.protocols.registry import PROTOCOLS
from collector.watch import Watch

ALL = os.environ.get("CZUJKA_EXAMPLES") == "random"
FILES = 48
LONGEST = 300_000
"""Bytes of a capture that are read in a sample."""
Damage = Callable[[random.Random, Batch], Batch]


def _flipped(chance: random.Random, batch: Batch) -> Batch:
    """Return a batch with a changed byte in every second frame, mostly in what stands first."""
    data = batch.data.copy()
    for start, size in zip(batch.start.tolist(), batch.caplen.tolist(), strict=True):
        if size and chance.random() < 0.5:
            data[start + min(int(chance.expovariate(1 / 60)), size - 1)] = chance.randrange(256)
    return replace(batch, data=data)


def _cut(chance: random.Random, batch: Batch) -> Batch:
    """Return a batch whose frames end early."""
    shares = np.array([chance.random() if chance.random() < 0.3 else 1.0 for _ in range(len(batch))])
    return replace(batch, caplen=(batch.caplen * shares).astype(np.int64))


def _mixed(chance: random.Random, batch: Batch) -> Batch:
    """Return a batch of which frames are missing, come twice or too late."""
    rows = [row for row in range(len(batch)) for _ in range(chance.choice((0, 1, 1, 1, 2)))]
    rows.sort(key=lambda row: row + chance.expovariate(0.3))
    return batch.at_rows(np.array(rows, np.int64))


def _elsewhen(chance: random.Random, batch: Batch) -> Batch:
    """Return a batch in which some times lie, and the clock is set again and again."""
    leaps = (-(10**13), 10**13, 10**18)
    steps = [chance.choice(leaps) if chance.random() < 0.1 else 0 for _ in range(len(batch))]
    return replace(batch, at=np.maximum(batch.at + np.array(steps, np.int64), 0))


DAMAGES: tuple[Damage, ...] = (_flipped, _cut, _mixed, _elsewhen)


def _captures(corpora: Path) -> list[Path]:
    found = sorted(path for path in corpora.rglob("*") if path.suffix in {".pcap", ".pcapng", ".cap"})
    assert len(found) > 100
    return found if ALL else random.Random(10).sample(found, FILES)


def _batches(raw: bytes) -> Iterator[Batch]:
    try:
        yield from CaptureFile(io.BufferedReader(io.BytesIO(raw)))
    except Unknown:
        return


def _read(batches: Iterator[Batch]) -> None:
    watch = Watch(PROTOCOLS, analysers=analysers())
    for batch in batches:
        if len(batch):
            list(watch.take(batch))
        assert watch.heads.held <= MAX_HELD + batch.caplen.sum()
    list(watch.finish())
    heads = watch.heads
    assert (heads.faults, len(heads), heads.held, heads._services, len(watch.table)) == (0, 0, 0, {}, 0)


@pytest.mark.corpora
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda one: one.__name__.strip("_"))
def test_damaged_packets_raise_nothing_and_leave_nothing_behind(corpora: Path, damage: Damage) -> None:
    for number, path in enumerate(_captures(corpora)):
        chance = random.Random() if ALL else random.Random(number)
        raw = path.read_bytes()
        _read(damage(chance, batch) for batch in _batches(raw if ALL else raw[:LONGEST]))


@pytest.mark.corpora
def test_damaged_files_raise_nothing_and_leave_nothing_behind(corpora: Path) -> None:
    for number, path in enumerate(_captures(corpora)):
        chance = random.Random() if ALL else random.Random(number)
        raw = bytearray(path.read_bytes()[:LONGEST])
        for _ in range(len(raw) // 400):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        _read(_batches(bytes(raw)))

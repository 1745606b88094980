"""What very many flows cost: `bench sensor --crowd`. Frames are made in memory, a batch at a time, and not counted."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from pathlib import Path
from struct import pack

import numpy as np

from collector.analysers.registry import analysers
from collector.capture.batch import Batch, Link, batch_of
from collector.protocols.registry import PROTOCOLS
from collector.watch import Watch

FLOWS = 200_000
NEW = 25_000
"""Flows that begin in a second: fewer than the table's allowance."""
ATTEMPTS = 130_000
"""New attempts a second of the flood."""
RING = 64 << 20
SECOND = 1_000_000_000
NOON = 1_790_000_000 * SECOND
_BATCH = 5000
_MACS = bytes.fromhex("020000000002020000000001") + b"\x08\x00"
_SYN, _PUSH, _SYN_ACK, _FIN = 2, 24, 18, 17
_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32) + b"\x20" + bytes(32) + bytes(400)
"""The first 476 bytes of a client's hello of 517."""


def run() -> None:
    """Print memory with FLOWS half-open flows that have each begun a hello, then what a flood of attempts costs."""
    ring = np.ones(RING, np.uint8)
    watch = Watch(PROTOCOLS, analysers=analysers())
    print(f"before: {_resident()} MiB, of which the ring {ring.nbytes >> 20}")
    for batch in _opening():
        for _ in watch.take(batch):
            pass
    heads = watch.heads
    print(
        f"{len(watch.table):,} flows that live, with the beginning of a hello in each; {len(heads):,} are read, "
        f"{heads.given_up:,} given up: {_resident()} MiB, at most {_most()}"
    )
    _flood()


def _opening() -> Iterator[Batch]:
    for first in range(0, FLOWS, _BATCH):
        frames, times = [], []
        for number in range(first, first + _BATCH):
            at = NOON + number * SECOND // NEW
            frames += [_frame(number, _SYN, 99), _frame(number, _PUSH, 100, _HELLO)]
            times += [at, at + 1000]
        yield batch_of(frames, times, Link.ETHERNET)


def _flood(seconds: int = 5, established: int = 200) -> None:
    """Offer a flood of attempts beside flows that talk once a second; print what became of these."""
    watch, records, began = Watch(PROTOCOLS, analysers=analysers()), 0, time.process_time()
    made = 0.0
    for second in range(seconds + 1):
        mark = time.process_time()
        for batch in _second(second, seconds, established):
            made += time.process_time() - mark
            for entry in watch.take(batch):
                records += entry.log.path == "conn" and _is_whole(entry.log.fields, seconds)
            mark = time.process_time()
    for entry in watch.finish():
        records += entry.log.path == "conn" and _is_whole(entry.log.fields, seconds)
    spent = time.process_time() - began - made
    print(
        f"flood of {ATTEMPTS:,} new attempts a second for {seconds} s: {ATTEMPTS * seconds / spent:,.0f} frames/s CPU, "
        f"{watch.table.flooded:,} left out, {watch.table.evicted:,} flows ended for want of room"
    )
    print(f"flows beside it that were told whole: {records} of {established}")


def _is_whole(fields: object, seconds: int) -> bool:
    assert isinstance(fields, dict)
    return bool(fields["conn_state"] == "SF" and fields["orig_bytes"] == 100 * seconds)


def _second(second: int, last: int, established: int) -> Iterator[Batch]:
    """Yield a second's frames: flows that begin, talk and end, spread among attempts that never come again."""
    step = SECOND // (ATTEMPTS // _BATCH)
    for part in range(ATTEMPTS // _BATCH):
        first = FLOWS + second * ATTEMPTS + part * _BATCH
        frames = [_frame(number, _SYN, 1) for number in range(first, first + _BATCH)]
        place = len(frames) // 2
        talking = range(part, established, ATTEMPTS // _BATCH)
        frames[place:place] = [frame for number in talking for frame in _said(number, second, last)]
        begins = NOON + second * SECOND + part * step
        times = [begins + number * step // len(frames) for number in range(len(frames))]
        yield batch_of(frames, times, Link.ETHERNET)


def _said(number: int, second: int, last: int) -> list[bytes]:
    """Return what a flow says in a second: it begins in the first one and ends after the last."""
    seq = 100 + 100 * second
    if second == last:
        return [_frame(number, _FIN, seq), _frame(number, _FIN, 900, back=True)]
    opening = [_frame(number, _SYN, 99), _frame(number, _SYN_ACK, 899, back=True)] if second == 0 else []
    return [*opening, _frame(number, _PUSH, seq, b"x" * 100)]


def _frame(number: int, flags: int, seq: int, data: bytes = b"", *, back: bool = False) -> bytes:
    client, server = (10 << 24) + (number >> 14), (192 << 24) + 0x000207
    ends = pack(">II", *((server, client) if back else (client, server)))
    port = 1024 + (number & 0x3FFF)
    ports = pack(">HH", *((443, port) if back else (port, 443)))
    head = pack(">BBHHHBBH", 0x45, 0, 40 + len(data), 0, 0, 64, 6, 0)
    return _MACS + head + ends + ports + pack(">IIBBHHH", seq, 0, 0x50, flags, 1024, 0, 0) + data


def _most() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def _resident() -> int:
    """Return this process's memory in MiB."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * resource.getpagesize() >> 20

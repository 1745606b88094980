"""How fast and how small the store is: `./czujka bench store [--events N ...] [--cluster N] [--parts NAME ...]`.

The events are those of `_made.py`. `write`: a million events by the way that the pipeline goes, with compaction beside
it. `raw`: the same with the records that they came in. `grow`: straight into segments, up to each size of `--events`;
at each the questions of `_questions.py`, first after the system was told to forget the files, then warm. `beside`:
questions while another process writes and merges. `cluster`: the same events in a real Elasticsearch 9 and in segments,
asked in turn (`_cluster.py`). Every part runs in processes of its own, so that its memory is its own. Figures come from
one run on one machine and are printed; nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from appliance.clock import SECOND
from appliance.normalise.model import Event
from appliance.store import EmbeddedReader, EmbeddedStore
from appliance.store.manifest import MAX_ROWS
from appliance.store.shape import decode, encode
from tests.benchmarks._cluster import beside_cluster
from tests.benchmarks._made import STEP, Maker
from tests.benchmarks._questions import cost, forget, questions, told

BATCH = 5_000
AT_ONCE = MAX_ROWS - 10_000
START = 1_795_300_000 * SECOND
"""When the first event happens: a fixed moment, so that each run has the same days."""
PARTS = ("write", "raw", "grow", "beside", "cluster")
T = TypeVar("T")


def main(argv: list[str]) -> int:
    """Run the parts that are wanted and print the figures."""
    parser = argparse.ArgumentParser(prog="bench store")
    parser.add_argument("--events", type=int, nargs="*", default=[1_000_000])
    parser.add_argument("--written", type=int, default=1_000_000)
    parser.add_argument("--cluster", type=int, default=200_000)
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=list(PARTS))
    wanted = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        if "write" in wanted.parts:
            apart(_write, root / "written", wanted.written)
            apart(_ask, root / "written")
        if "raw" in wanted.parts:
            apart(_write_raw, root / "raw", wanted.written // 2)
            apart(_ask, root / "raw")
        for size in sorted(wanted.events) if "grow" in wanted.parts else ():
            apart(_grow, root / "grown", size)
            apart(_ask, root / "grown")
        if "beside" in wanted.parts:
            _beside(root / "written" if "write" in wanted.parts else root / "beside")
        if "cluster" in wanted.parts:
            beside_cluster(root, wanted.cluster, START)
    return 0


def apart(work: Callable[..., None], *arguments: object) -> None:
    """Do something in a process of its own."""
    process = multiprocessing.get_context("spawn").Process(target=work, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == 0, work


def _write_raw(folder: Path, size: int) -> None:
    _write(folder, size, raw=True)


def _write(folder: Path, size: int, *, raw: bool = False) -> None:
    """Fill a store as the pipeline does, a batch after the other, and tell what that cost, in CPU time."""
    maker, spent = Maker(START, raw=raw), dict.fromkeys(("rows", "known", "append", "compact"), 0.0)
    store = EmbeddedStore(folder, now=lambda: maker.moment)
    for seq, batch in enumerate(batches(maker, size)):
        rows = _timed(spent, "rows", lambda b=batch: encode(b))  # type: ignore[misc]
        _timed(spent, "known", lambda r=rows: store.known(r))  # type: ignore[misc]
        _timed(spent, "append", lambda r=rows, s=seq: store.append(r, [], s))  # type: ignore[misc]
        _timed(spent, "compact", lambda: store.compact(0.01))
    before = store.stats()
    _timed(spent, "compact", lambda: store.compact(600))
    stats = store.stats()
    print(f"-- {stats.events:,} events in batches of {BATCH:,}{', with their records' if raw else ''}")
    for name, seconds in spent.items():
        line(name, f"{seconds / size * 1e6:.2f} µs/event")
    line("known + append, one core", f"{size / (spent['known'] + spent['append']):,.0f} events/s")
    line("with compaction", f"{size / (spent['known'] + spent['append'] + spent['compact']):,.0f} events/s")
    line("size", f"{stats.bytes_per_event:.1f} bytes/event in {stats.segments} segments ({before.segments} before)")
    line("writer, most memory", f"{peak()} MB")
    store.close()


def batches(maker: Maker, size: int) -> Iterator[list[Event]]:
    """Yield so many further events, a batch after the other."""
    for start in range(0, size, 2 * BATCH):
        table = maker.rows(min(2 * BATCH, size - start)).table
        for at in range(0, table.num_rows, BATCH):
            yield decode(table.slice(at, BATCH))


def _grow(folder: Path, size: int) -> None:
    """Fill a store up to so many events, a whole segment at a time."""
    moment = START
    store = EmbeddedStore(folder, now=lambda: moment)
    there, began = store.stats().events, time.process_time()
    maker = Maker(START + there * STEP)
    for at in range(there, size, AT_ONCE):
        rows = maker.rows(min(AT_ONCE, size - at))
        moment = maker.moment
        store.append(rows, [], 0)
        store.compact(0)
    store.compact(600)
    stats = store.stats()
    took = (time.process_time() - began) / max(1, stats.events - there) * 1e6
    print(f"-- {stats.events:,} events, {stats.bytes_per_event:.1f} bytes each, {stats.segments} segments")
    line("made and written", f"{took:.1f} µs/event, most memory {peak()} MB")
    store.close()


def _ask(folder: Path) -> None:
    reader = EmbeddedReader(folder, timeout_seconds=120)
    stats = reader.stats()
    assert stats.oldest is not None
    assert stats.newest is not None
    for name, question in questions(reader, stats.oldest, stats.newest + 1):
        line(name, told(cost(question, time.process_time, lambda: forget(folder))))
    line("reader, most memory", f"{peak()} MB")
    reader.close()


def _beside(folder: Path) -> None:
    """Ask cheap questions while nothing is written, and while another process writes and merges as fast as it can."""
    context = multiprocessing.get_context("spawn")
    if not folder.exists():
        apart(_grow, folder, 4 * AT_ONCE)
    apart(_waits, folder, "nothing written beside")
    stop = context.Event()
    writer = context.Process(target=_keep_writing, args=(folder, stop))
    writer.start()
    apart(_waits, folder, "writing and merging beside")
    stop.set()
    writer.join()
    apart(_waits, folder, "nothing written beside")


def _keep_writing(folder: Path, stop: object) -> None:
    reader = EmbeddedReader(folder)
    newest = reader.stats().newest
    reader.close()
    assert newest is not None
    maker = Maker(newest + SECOND)
    store = EmbeddedStore(folder, now=lambda: maker.moment)
    merges = batches = 0
    while not stop.is_set():  # type: ignore[attr-defined]
        store.append(maker.rows(BATCH), [], 0)
        merges, batches = merges + store.compact(0.01), batches + 1
    line("written meanwhile", f"{batches * BATCH:,} events, {merges} merges")
    store.close()


def _waits(folder: Path, name: str) -> None:
    """Ask the same two questions again and again: one that only reads the manifest, and one page of events."""
    reader = EmbeddedReader(folder, timeout_seconds=120)
    for what, question in (("manifest", reader.stats), ("first page", lambda: reader.search("", limit=50))):
        question()
        waited: list[tuple[float, float]] = []
        until = time.monotonic() + 8
        while time.monotonic() < until:
            began, used = time.perf_counter(), time.process_time()
            question()
            waited.append(((time.perf_counter() - began) * 1000, (time.process_time() - used) * 1000))
        wall, cpu = (sorted(part) for part in zip(*waited, strict=True))
        figures = (
            f"wall median {wall[len(wall) // 2]:.1f}, 99 % {wall[int(len(wall) * 0.99)]:.1f}, most {wall[-1]:.1f} ms"
        )
        line(f"{name}, {what}", f"{figures}; CPU median {cpu[len(cpu) // 2]:.1f}, most {cpu[-1]:.1f} ms ({len(wall)})")
    reader.close()


def _timed(spent: dict[str, float], name: str, work: Callable[[], T]) -> T:
    began = time.process_time()
    answer = work()
    spent[name] += time.process_time() - began
    return answer


def line(name: str, figure: str) -> None:
    """Print a figure."""
    print(f"{name:<36} {figure}", flush=True)


def peak() -> int:
    """Return the most memory that this process had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    import sys

    raise SystemExit(main(sys.argv[1:]))

"""Rules over history: a hunt against streaming the stored events through the matcher again, in turn, CPU time.

`./czujka bench hunt [--events N] [--rules NAME ...]`. The events are the `office` stream of the spine benchmark, every
value its own; past the first hundred thousand they come again with times and ids of their own. Streaming reads each
event from the store as `appliance/store/scan.py` does, the fastest way to all of them. Both take turns over the same
stretch of time, part by part, and must find the same. Then one process alone hunts through the whole store.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import pyarrow as pa

from appliance.detect import Engine, Rule, RuleSet, load_rules
from appliance.hunt.hunt import Hunt
from appliance.normalise import normalise
from appliance.store import EmbeddedReader, EmbeddedStore
from appliance.store.scan import scan
from appliance.store.shape import ID_COLUMN, TIME_COLUMN, Rows, encode
from rules import ROOT
from tests.appliance.detect.corpus import FOLDERS, SOURCE
from tests.benchmarks.spine import office
from tests.conftest import corpora_root

MADE, BATCH = 100_000, 5_000
IN_TURN = 200_000
"""Events that both look at; more would only take longer."""
_FOLDERS: Mapping[str, Sequence[str]] = {"own": (), "windows": ("rules/windows",), "sigmahq": FOLDERS}


def main(argv: list[str]) -> int:
    """Fill a store, measure, print."""
    parser = argparse.ArgumentParser(prog="czujka bench hunt")
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--rules", nargs="*", choices=_FOLDERS, default=list(_FOLDERS))
    chosen = parser.parse_args(argv)
    corpora = corpora_root()
    if not corpora.is_dir():
        print("left out, no corpora")
        return 0
    # Each by a process of its own, so that its memory and what it has learnt are its own.
    with tempfile.TemporaryDirectory() as folder:
        _apart(_fill, corpora, Path(folder), chosen.events)
        for name in chosen.rules:
            _apart(_in_turn, corpora, Path(folder), name)
            _apart(_alone, corpora, Path(folder), name)
    return 0


def _apart(work: object, *arguments: object) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        pool.apply(work, arguments)  # type: ignore[arg-type]


def _fill(corpora: Path, folder: Path, wanted: int) -> None:
    moment = 0
    store = EmbeddedStore(folder, now=lambda: moment)
    for seq, rows in enumerate(_batches(corpora, wanted)):
        moment = int(rows.times[-1])
        store.append(rows, [], seq)
        store.compact(0)
    store.compact(600)
    stats = store.stats()
    print(
        f"store: {stats.events} events, {stats.bytes_per_event:.0f} bytes each, {stats.segments} segments", flush=True
    )
    store.close()


def _batches(corpora: Path, wanted: int) -> Iterator[Rows]:
    events = (normalise(line, SOURCE) for line in office(corpora, min(wanted, MADE)))
    made = []
    while batch := list(islice(events, BATCH)):
        made.append(encode(batch))
        yield made[-1]
    span = int(made[-1].times[-1]) - int(made[0].times[0]) + 1
    for again in range(1, -(-wanted // MADE)):
        for rows in made:
            yield _again(rows, again, again * span)


def _again(rows: Rows, number: int, later: int) -> Rows:
    """The same events later: the first four bytes of an id tell how often they came before."""
    table = rows.table
    ids = [number.to_bytes(4, "big") + one[4:] for one in rows.names]
    changed = {TIME_COLUMN: pa.array(np.asarray(rows.times) + later), ID_COLUMN: pa.array(ids, pa.binary(16))}
    for name, column in changed.items():
        table = table.set_column(table.column_names.index(name), name, column)
    return Rows(table, rows.rest_names)


def _rules(corpora: Path, name: str) -> list[Rule]:
    with tempfile.TemporaryDirectory() as cache:
        return list(
            load_rules([ROOT / "sigma", *(corpora / "sigmahq" / one for one in _FOLDERS[name])], Path(cache)).rules
        )


def _in_turn(corpora: Path, folder: Path, name: str) -> None:
    reader, rules = EmbeddedReader(folder, timeout_seconds=120), _rules(corpora, name)
    engine, stream = Engine(RuleSet(rules, [])), scan(reader)
    costs: list[tuple[int, float, float]] = []
    streamed: list[tuple[object, int]] = []
    hunted: list[tuple[object, int]] = []
    last, began = 0, process_time()

    def turn(done: int, _total: int) -> None:
        nonlocal last, began
        count, hunting, start = done - last, process_time() - began, process_time()
        for event in islice(stream, count):
            matched = engine.match(event)
            if matched:
                streamed.append((event["event.id"], len(matched)))
        if count:
            costs.append((count, hunting, process_time() - start))
        last, began = done, process_time()

    end = _time_of(reader, IN_TURN)
    for event, matched in Hunt.of(reader, rules).run(end=end, progress=turn):
        hunted.append((event["event.id"], len(matched)))
    assert sorted(hunted) == sorted(streamed), "both find the same"
    _print(f"{name}, {len(rules)} rules", costs, len(hunted))
    reader.close()


def _time_of(reader: EmbeddedReader, number: int) -> int | None:
    """The time before which so many events are, about."""
    stats = reader.stats()
    assert stats.oldest is not None
    assert stats.newest is not None
    return stats.oldest + (stats.newest - stats.oldest) * number // stats.events if stats.events > number else None


def _print(name: str, costs: Sequence[tuple[int, float, float]], hits: int) -> None:
    events, hunting, streaming = (sum(part) for part in zip(*costs, strict=True))
    # The first part pays for the indexes, on both sides.
    ratios = [stream / hunt for _, hunt, stream in costs[1:]] or [streaming / hunting]
    print(
        f"{name}: {events} events, {hits} with a match; µs of CPU an event, streaming : hunt "
        f"{streaming / events * 1e6:.1f} : {hunting / events * 1e6:.1f}, {streaming / hunting:.1f} × with the start; "
        f"after it {statistics.median(ratios):.1f} × ({min(ratios):.1f}–{max(ratios):.1f}, {len(ratios)} parts)",
        flush=True,
    )


def _alone(corpora: Path, folder: Path, name: str) -> None:
    reader, rules = EmbeddedReader(folder, timeout_seconds=120), _rules(corpora, name)
    hunt, began, start = Hunt.of(reader, rules), process_time(), perf_counter()
    matches = sum(len(matched) for _, matched in hunt.run())
    events, spent = reader.stats().events, process_time() - began
    print(
        f"{name}, the whole store alone: {events} events, {spent:.1f} s of CPU, {spent / events * 1e6:.1f} µs each, "
        f"{perf_counter() - start:.0f} s in all; {hunt.looked} put together, {hunt.found} with {matches} matches; "
        f"most memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB",
        flush=True,
    )
    reader.close()


if __name__ == "__main__":
    import sys

    raise SystemExit(main(sys.argv[1:]))

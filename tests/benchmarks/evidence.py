"""What the evidence chain costs: `python -m tests.benchmarks.evidence [--events N]`.

The same events as the store's benchmark, appended in batches, sealed, merged, sealed again, checked. CPU time; figures
come from one run on one machine and are printed; nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from appliance.clock import SECOND, now
from appliance.evidence.check import Asked, check
from appliance.evidence.keeper import Keeper
from appliance.evidence.pack import Wanted, export
from appliance.home import Home
from appliance.settings import Settings
from appliance.state.database import open_sessions, open_state
from appliance.state.migrate import migrate
from appliance.store import EmbeddedStore
from appliance.store.compaction import read
from appliance.store.digest import digest
from appliance.store.shape import encode
from tests.benchmarks.store import BATCH, _events, _line

T = TypeVar("T")


def main(argv: list[str]) -> int:
    """Fill a box in a temporary folder, seal and check it, print the figures."""
    parser = argparse.ArgumentParser(prog="bench evidence")
    parser.add_argument("--events", type=int, default=200_000)
    wanted = parser.parse_args(argv).events
    with tempfile.TemporaryDirectory() as folder:
        _measure(Home(Path(folder)), wanted)
    return 0


def _measure(home: Home, wanted: int) -> None:
    home.create()
    settings = Settings()
    engine = open_state(settings.database(home))
    migrate(engine)
    keeper = Keeper(home, settings, open_sessions(engine))
    keeper.round()
    store, source = EmbeddedStore(home.store), _events(now() - wanted * SECOND // 100)
    append = 0.0
    for seq in range(wanted // BATCH):
        batch = [next(source) for _ in range(BATCH)]
        append += _cpu(lambda b=batch, s=seq: store.append(encode(b), [], s))[0]  # type: ignore[misc]
    _line("store append", f"{append / wanted * 1e6:.1f} µs/event")
    _line("merge, with the digests of events", f"{_cpu(lambda: store.compact(600))[0] / wanted * 1e6:.2f} µs/event")
    _line("digests of events", f"{_digests(store, home) / wanted * 1e6:.2f} µs/event")
    _line("seal", f"{_cpu(keeper.round)[0] / wanted * 1e6:.2f} µs/event")
    files = [home.store / segment.file for segment in store.plan()[0]]
    hashed, _ = _cpu(lambda: [hashlib.sha256(path.read_bytes()).digest() for path in files])
    _line("digests of files alone", f"{hashed / wanted * 1e6:.3f} µs/event")
    _line("a round with nothing new", f"{_cpu(keeper.round)[0] * 1000:.1f} ms")
    store.close()
    size = sum(path.stat().st_size for path in files)
    for name, asked in (("verify", Asked()), ("verify --events", Asked(events=True))):
        took, found = _cpu(lambda a=asked: check(home, keeper.sessions, a))  # type: ignore[misc]
        assert not found.faults
        rows = f"{found.rows / took:,.0f} events/s"
        _line(name, f"{size / took / 1e6:,.0f} MB/s, {rows}")
    with (home.root / "pack.zip").open("wb") as out:
        took, made = _cpu(lambda: export(keeper, Wanted(), out))
    _line("export", f"{made.events / took:,.0f} events/s")
    engine.dispose()


def _digests(store: EmbeddedStore, home: Home) -> float:
    """Return the CPU time of the digests of all events by themselves."""
    tables = [read(home.store / segment.file) for segment in store.plan()[0]]
    return min(_cpu(lambda: [digest(table) for table in tables])[0] for _ in range(3))


def _cpu(work: Callable[[], T]) -> tuple[float, T]:
    began = time.process_time()
    answer = work()
    return time.process_time() - began, answer

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

from appliance.clock import now
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
from tests.benchmarks._made import STEP, Maker
from tests.benchmarks.store import batches, line

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
    store = EmbeddedStore(home.store)
    append = 0.0
    for seq, batch in enumerate(batches(Maker(now() - wanted * STEP), wanted)):
        append += _cpu(lambda b=batch, s=seq: store.append(encode(b), [], s))[0]  # type: ignore[misc]
    line("store append", f"{append / wanted * 1e6:.1f} µs/event")
    line("merge, with the digests of events", f"{_cpu(lambda: store.compact(600))[0] / wanted * 1e6:.2f} µs/event")
    line("digests of events", f"{_digests(store, home) / wanted * 1e6:.2f} µs/event")
    line("seal", f"{_cpu(keeper.round)[0] / wanted * 1e6:.2f} µs/event")
    files = [home.store / segment.file for segment in store.plan()[0]]
    hashed, _ = _cpu(lambda: [hashlib.sha256(path.read_bytes()).digest() for path in files])
    line("digests of files alone", f"{hashed / wanted * 1e6:.3f} µs/event")
    line("a round with nothing new", f"{_cpu(keeper.round)[0] * 1000:.1f} ms")
    store.close()
    size = sum(path.stat().st_size for path in files)
    for name, asked in (("verify", Asked()), ("verify --events", Asked(events=True))):
        took, found = _cpu(lambda a=asked: check(home, keeper.sessions, a))  # type: ignore[misc]
        assert not found.faults
        rows = f"{found.rows / took:,.0f} events/s"
        line(name, f"{size / took / 1e6:,.0f} MB/s, {rows}")
    with (home.root / "pack.zip").open("wb") as out:
        took, made = _cpu(lambda: export(keeper, Wanted(), out))
    line("export", f"{made.events / took:,.0f} events/s")
    engine.dispose()


def _digests(store: EmbeddedStore, home: Home) -> float:
    """Return the CPU time of the digests of all events by themselves."""
    tables = [read(home.store / segment.file) for segment in store.plan()[0]]
    return min(_cpu(lambda: [digest(table) for table in tables])[0] for _ in range(3))


def _cpu(work: Callable[[], T]) -> tuple[float, T]:
    began = time.process_time()
    answer = work()
    return time.process_time() - began, answer

"""Writing to the store: atomic, each event once."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.wire.event import event_id
from appliance.clock import DAY
from appliance.normalise.model import Event
from appliance.store import BatchResult, EmbeddedReader, EmbeddedStore, Keeping, StoreUnavailable, results, writer
from appliance.store.compaction import FAN_IN
from appliance.store.shape import encode
from appliance.store.writer import GRACE
from tests.appliance.store.conftest import NOW, Make

STEPS = ("opened", "written", "synced", "renamed", "begun", "inserted", "committed")
MERGE_STEPS = (
    "merge opened",
    "merge written",
    "merge synced",
    "merge renamed",
    "replaced",
    "merged",
    "described",
    "unlinked",
    "cleaned",
)


def test_known_finds_exactly_what_is_stored(store: EmbeddedStore, make: Make) -> None:
    store.append(encode([make(n) for n in range(0, 100, 2)]), [], 1)
    store.append(encode([make(n, time=NOW - 400 * DAY) for n in range(1, 100, 2)]), [], 2)
    asked = [make(n) for n in range(0, 100, 2)] + [make(n) for n in range(200, 300)]
    asked += [make(n, time=NOW - 400 * DAY) for n in range(1, 100, 2)]
    assert store.known(encode(asked)).tolist() == [True] * 50 + [False] * 100 + [True] * 50
    assert store.known(encode([])).tolist() == []


def test_known_survives_restart_and_eviction(tmp_path: Path, make: Make) -> None:
    store = EmbeddedStore(tmp_path, now=lambda: NOW)
    store.append(encode([make(n) for n in range(50)]), [], 1)
    store.close()
    store = EmbeddedStore(tmp_path, now=lambda: NOW)
    assert store.known(encode([make(n) for n in range(60)])).tolist() == [True] * 50 + [False] * 10
    store.close()


def test_ids_that_share_their_first_half_are_told_apart(store: EmbeddedStore, make: Make) -> None:
    ids = ["ab" * 8 + f"{n:016x}" for n in range(10)]
    store.append(encode([{**make(1), "event.id": one} for one in ids[::2]]), [], 1)
    assert store.known(encode([{**make(1), "event.id": one} for one in ids])).tolist() == [True, False] * 5


def test_repeated_events_are_stored_once(store: EmbeddedStore, reader: EmbeddedReader, make: Make) -> None:
    store.append(encode([make(1), make(2), make(1)]), [], 1)
    store.append(encode([make(2), make(3)]), [], 2)
    assert [event["event.id"] for event in reader.search("").events] == [event_id(n) for n in (3, 2, 1)]


def test_results_and_cursor_come_with_the_events(store: EmbeddedStore, reader: EmbeddedReader, make: Make) -> None:
    result = BatchResult(7, "agent", 3, 1, 1, 1)
    store.append(encode([make(1)]), [result], 7)
    store.append(encode([]), [BatchResult(8, "agent", 0, 0, 0, 0)], 8)
    assert store.applied() == 8
    assert reader.results([7, 9]) == {7: result}


def test_results_are_forgotten_below_a_place_and_some_at_a_time(
    store: EmbeddedStore, reader: EmbeddedReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "AT_ONCE", 3)
    monkeypatch.setattr(results, "ROUNDS", 4)
    store.append(encode([]), [BatchResult(seq, "agent", 1, 1, 0, 0) for seq in range(100, 140)], 140)
    assert store.forget_results(0) == 0
    assert store.forget_results(120) == 12
    assert sorted(reader.results(range(100, 140))) == list(range(112, 140))
    assert store.forget_results(120) == 8
    assert store.forget_results(120) == 0
    assert sorted(reader.results(range(100, 140))) == list(range(120, 140))
    assert store.applied() == 140


def test_a_wild_time_costs_no_file_of_its_own(store: EmbeddedStore, make: Make) -> None:
    store.append(encode([make(n, time=n * 400 * DAY) for n in range(-30, 30)] + [make(1000)]), [], 1)
    assert store.stats().segments == 2


@pytest.mark.parametrize("event", [{"event.id": "no", "@timestamp": 1}, {"event.id": "0" * 32, "@timestamp": "1"}])
def test_an_event_without_identity_or_time_is_a_defect(store: EmbeddedStore, event: dict[str, str | int]) -> None:
    with pytest.raises(ValueError, match=r"event\.id|@timestamp"):
        store.append(encode([{**event}]), [], 1)
    assert store.stats().events == 0


def test_two_writers_keep_out_of_each_others_way(store: EmbeddedStore, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="another process"):
        EmbeddedStore(tmp_path / "store")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_at_any_step_leaves_old_or_new(tmp_path: Path, make: Make, step: str, failure: BaseException) -> None:
    armed = False

    def probe(now: str) -> None:
        if armed and now == step:
            raise failure

    store = EmbeddedStore(tmp_path, now=lambda: NOW, probe=probe)
    store.append(encode([make(n) for n in range(5)]), [], 1)
    armed = True
    with pytest.raises((StoreUnavailable, OSError, KeyboardInterrupt)):
        store.append(encode([make(n) for n in range(5, 9)]), [], 2)
    armed = False
    reader = EmbeddedReader(tmp_path)
    new = step == "committed"
    assert (reader.count("host.name:PC-1"), store.applied()) == ((9, 2) if new else (5, 1))
    store.append(encode([make(n) for n in range(5, 9)]), [], 2)
    assert (reader.count("host.name:PC-1"), store.applied()) == (9, 2)
    reader.close()
    store.close()


CHILD = """
import os, signal, sys
from pathlib import Path
from agent.wire.event import event_id
from appliance.store import BatchResult, EmbeddedStore, writer
from appliance.store.shape import encode
# Replaced files go at the next step, and what is new is described at once.
writer.GRACE = writer.STILL = -1
folder, step, start = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
left = int(sys.argv[4])
def probe(now):
    global left
    if now == step:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
store = EmbeddedStore(folder, probe=probe)
seq = store.applied()
while True:
    seq += 1
    events = [{"event.id": event_id(seq, n), "@timestamp": seq * 1000 + n, "x": seq} for n in range(20)]
    events += [{"event.id": event_id(seq - 1, 3), "@timestamp": (seq - 1) * 1000 + 3, "x": seq - 1}]
    store.append(encode(events), [BatchResult(seq, "s", 21, 20, 1, 0)], seq)
    print(seq, flush=True)
    store.compact(60)
"""


def run_until_killed(folder: Path, step: str, nth: int) -> int:
    """Run the writer until it dies at the nth time it reaches a step; return the last seq it reported."""
    command = [sys.executable, "-c", CHILD, str(folder), step, "0", str(nth)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False, env=os.environ | {"PYTHONPATH": "."})
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    lines = done.stdout.split()
    return int(lines[-1]) if lines else 0


@pytest.mark.parametrize(("steps", "nth"), [(STEPS, 9), (MERGE_STEPS, 1), (MERGE_STEPS, 3)])
def test_kill_9_at_every_step_loses_and_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: tuple[str, ...], nth: int
) -> None:
    monkeypatch.setattr(writer, "GRACE", -1)
    told = 0
    for step in steps:
        told = max(told, run_until_killed(tmp_path, step, nth))
        store, reader = EmbeddedStore(tmp_path), EmbeddedReader(tmp_path)
        seq = store.applied()
        assert told <= seq <= told + 1, step
        assert reader.count("x:*") == 20 * seq + 1, step
        store.clean()
        files = {path.name for path in tmp_path.glob("*.parquet")}
        assert files == store._manifest.files(), step
        assert not list(tmp_path.glob("*.tmp"))
        assert reader.damaged() == []
        ids = [event["event.id"] for event in all_events(tmp_path)]
        assert len(ids) == len(set(ids)) == 20 * seq + 1, step
        store.close()
        reader.close()


def all_events(folder: Path) -> list[Event]:
    reader = EmbeddedReader(folder)
    found: list[Event] = []
    after: str | None = None
    while True:
        page = reader.search("", limit=1000, after=after)
        found += page.events
        after = page.next
        if after is None:
            reader.close()
            return found


FULL = """
import resource, sys
from pathlib import Path
from agent.wire.event import event_id
from appliance.store import EmbeddedStore, StoreUnavailable
from appliance.store.shape import encode
store = EmbeddedStore(Path(sys.argv[1]))
store.append(encode([{"event.id": event_id(0), "@timestamp": 1}]), [], 1)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
events = [{"event.id": event_id(n), "@timestamp": n, "x": event_id("x", n) * 4} for n in range(1, 2000)]
try:
    store.append(encode(events), [], 2)
except StoreUnavailable:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert (store.stats().events, store.applied()) == (1, 1)
    assert len(list(Path(sys.argv[1]).glob("*.parquet*"))) == 1
    store.append(encode(events), [], 2)
    print(store.stats().events, store.applied())
"""


def test_a_file_that_cannot_grow_is_reported_and_retried(tmp_path: Path) -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    command = [sys.executable, "-c", FULL, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False, env=os.environ | {"PYTHONPATH": "."})
    assert done.stdout.split() == [b"2000", b"2"], done.stderr.decode()


def test_compaction_keeps_every_event_and_deletes_the_old_files_after_a_while(tmp_path: Path, make: Make) -> None:
    now = NOW
    store = EmbeddedStore(tmp_path, now=lambda: now)
    reader = EmbeddedReader(tmp_path)
    for n in range(FAN_IN * 2):
        store.append(encode([make(n, **{"odd.name": (n, "x")}), make(n + 100, time=n)]), [], n)
    before = reader.search("", limit=100).events
    assert store.compact(60) == 2
    assert store.stats().segments == 2
    assert len(list(tmp_path.glob("*.parquet"))) == FAN_IN * 4 + 2
    assert reader.search("", limit=100).events == before
    assert store.known(encode(before)).tolist() == [True] * FAN_IN * 4
    now += GRACE + 1
    assert store.compact(60) == 0
    assert len(list(tmp_path.glob("*.parquet"))) == 2
    reader.close()
    store.close()


def test_retention_deletes_by_age_of_arrival_then_by_size_and_says_so(tmp_path: Path, make: Make) -> None:
    day = NOW // DAY
    store = EmbeddedStore(tmp_path, now=lambda: day * DAY)
    first = day
    for n in range(6):
        day = first + n
        store.append(encode([make(n, time=n)]), [], n)
    assert store.retain(Keeping({"ordinary": 3})).events == 2
    size = store.stats().bytes
    gone = store.retain(Keeping({"ordinary": 3}, size - 1))
    assert (gone.events, gone.segments, store.stats().events) == (1, 1, 3)
    assert store.retain(Keeping({"ordinary": 0}, 0)).events == 2
    assert store.stats().events == 1
    assert [one.reason for one in store.deletions()] == ["age", "age", "size", "age", "age"]
    assert store.retain(Keeping({"ordinary": 0}, 0)).events == 0
    store.close()

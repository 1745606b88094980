"""Questions end in time, and when the one who asked no longer wants to know."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from appliance.store import EmbeddedReader, EmbeddedStore, QueryStopped, QueryTimeout, QueryTooLarge, engine, overflow
from appliance.store.bounds import bounded, current
from appliance.store.overflow import size
from appliance.store.shape import encode
from tests.appliance.store.conftest import Make

LONG = " OR ".join(f"x{n}*b?c*{n}" for n in range(40))


@pytest.fixture
def slow(store: EmbeddedStore, reader: EmbeddedReader, make: Make) -> EmbeddedReader:
    """A reader over texts in which some questions take seconds."""
    store.append(encode([make(n, **{"process.command_line": f"{n}" + "ab" * 4000}) for n in range(5000)]), [], 1)
    return reader


def test_several_questions_share_one_bound(slow: EmbeddedReader) -> None:
    with bounded(seconds=60), bounded(seconds=0.05):
        with pytest.raises(QueryTimeout) as caught:
            slow.count(LONG)
        with pytest.raises(QueryTimeout):
            slow.count("host:pc-1 a")
    assert not isinstance(caught.value, QueryStopped)
    assert slow.count("host:pc-1") == 5000


def test_a_flag_stops_a_question_at_once(slow: EmbeddedReader) -> None:
    flag = threading.Event()
    timer = threading.Timer(0.1, flag.set)
    timer.start()
    began = time.process_time()
    with bounded(stop=flag), pytest.raises(QueryStopped):
        slow.count(LONG)
    timer.join()
    assert time.process_time() - began < 5


def test_a_question_that_waits_for_its_turn_is_stopped_too(reader: EmbeddedReader) -> None:
    flag = threading.Event()
    flag.set()
    taken = [reader._engine._slots.acquire() for _ in range(2)]
    with bounded(stop=flag), pytest.raises(QueryStopped):
        reader._engine.run("SELECT 1", [])
    for _ in taken:
        reader._engine._slots.release()


def test_bounds_are_those_of_one_thread(tmp_path: Path) -> None:
    seen: list[float] = []
    with bounded(seconds=1):
        other = threading.Thread(target=lambda: seen.append(current().deadline))
        other.start()
        other.join()
        assert current().left() <= 1
    assert seen == [float("inf")]
    assert current().left() == float("inf")


def _text(number: int) -> str:
    return f"{number:05}" + "ab" * 1000


def _large(store: EmbeddedStore, make: Make) -> None:
    store.append(encode([make(n, message=_text(n)) for n in range(40_000)]), [], 1)


def test_a_question_past_its_memory_lays_down_on_disk_what_it_needs(
    store: EmbeddedStore, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "MEMORY", "64MB")
    _large(store, make)
    laid_down: list[int] = []

    def looked(folder: Path) -> int:
        laid_down.append(size(folder))
        return laid_down[-1]

    monkeypatch.setattr(engine, "_LOOK", 0.001)
    monkeypatch.setattr(overflow, "size", looked)
    narrow = EmbeddedReader(tmp_path / "store")
    assert narrow.top("", "message", 2) == [(_text(0), 1), (_text(1), 1)]
    assert max(laid_down) > 0
    narrow.close()
    assert not list((tmp_path / "store").glob("overflow-*"))


def test_a_question_past_its_memory_and_disk_is_refused_and_the_next_one_answered(
    store: EmbeddedStore, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "MEMORY", "64MB")
    monkeypatch.setattr(engine, "DISK", 1 << 20)
    monkeypatch.setattr(engine, "_LOOK", 0.001)
    _large(store, make)
    narrow = EmbeddedReader(tmp_path / "store")
    with pytest.raises(QueryTooLarge):
        narrow.top("", "message", 2)
    assert narrow.count("host:pc-1") == 40_000
    narrow.close()


def test_a_question_past_its_memory_is_refused_where_nothing_may_be_written(
    store: EmbeddedStore, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "MEMORY", "64MB")
    monkeypatch.setattr(overflow, "claimed", lambda _folder: Path("/proc/nothing"))
    _large(store, make)
    narrow = EmbeddedReader(tmp_path / "store")
    with pytest.raises(QueryTooLarge):
        narrow.top("", "message", 2)
    narrow.close()

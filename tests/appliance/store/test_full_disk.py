"""A merge for which there is no room: nothing is lost, one line says why, and room is all that it takes to go on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.wire.event import event_id
from appliance.normalise.model import Event
from appliance.ops.disk import is_full, why
from appliance.store import EmbeddedReader, EmbeddedStore, StoreUnavailable
from appliance.store.compaction import FAN_IN
from appliance.store.shape import encode
from tests.appliance.store.conftest import NOW
from tests.e2e.bad.test_disk import full, small_disk

pytestmark = pytest.mark.root
EVENTS = 300


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "4m") as folder:
        yield folder


def fill(store: EmbeddedStore, first: int) -> None:
    """Store as many segments as one merge takes; their texts do not compress."""
    for part in range(FAN_IN):
        numbers = range(first + part * EVENTS, first + (part + 1) * EVENTS)
        events: list[Event] = [
            {"event.id": event_id(n), "@timestamp": NOW + n, "x": event_id("x", n) * 4} for n in numbers
        ]
        store.append(encode(events), [], n := first + part)
        assert store.applied() == n


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.suffix in (".parquet", ".tmp")}


def test_a_merge_on_a_full_disk_leaves_all_as_it_was_and_is_done_later(disk: Path) -> None:
    folder = disk / "store"
    store, reader = EmbeddedStore(folder, now=lambda: NOW), EmbeddedReader(folder)
    fill(store, 1)
    before, events = files(folder), reader.search("", limit=1000).events
    with full(disk):
        for _ in range(3):
            with pytest.raises(StoreUnavailable) as raised:
                store.compact(60)
            assert is_full(raised.value)
            assert "\n" not in why(folder, raised.value)
            assert files(folder) == before
            assert reader.count("") == FAN_IN * EVENTS
    assert store.compact(60) == 1
    assert reader.count("") == FAN_IN * EVENTS
    assert reader.search("", limit=1000).events == events
    assert reader.damaged() == []
    reader.close()
    store.close()


def test_however_little_room_there_is_a_merge_is_whole_or_not_at_all(disk: Path) -> None:
    folder, ballast = disk / "store", disk / "room"
    store, reader = EmbeddedStore(folder, now=lambda: NOW), EmbeddedReader(folder)
    fill(store, 1)
    failed: list[StoreUnavailable] = []
    for room in range(0, 60 * 16384, 16384):
        ballast.write_bytes(bytes(room))
        with full(disk):
            ballast.unlink()
            merged = 0
            try:
                merged = store.compact(0)
            except StoreUnavailable as error:
                failed.append(error)
            assert store.stats().events == reader.count("") == FAN_IN * EVENTS
            named = store._manifest.files()
            assert files(folder) == named
        if merged:
            break
    assert len(failed) > 3
    assert all(map(is_full, failed))
    assert store.stats().segments == 1
    assert [one["event.id"] for one in reader.search("", limit=3).events] == [
        event_id(n) for n in range(FAN_IN * EVENTS, FAN_IN * EVENTS - 3, -1)
    ]
    reader.close()
    store.close()

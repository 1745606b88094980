"""Damaged segments: set aside, named, and everything else answers."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agent.wire.event import event_id
from appliance.clock import DAY
from appliance.normalise.model import Event
from appliance.search.nodes import Everything
from appliance.store import EmbeddedReader, EmbeddedStore, Hold, Keeping, StoreUnavailable, writer
from appliance.store.compaction import FAN_IN
from appliance.store.damage import FOLDER, Aside
from appliance.store.manifest import FILE, Segment
from appliance.store.segments import ROW_GROUP
from appliance.store.shape import encode
from tests.appliance.store.conftest import NOW, Make

Breaking = Callable[[Path], None]
WORD = "needle"
MANY = 4 * ROW_GROUP


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-20] ^= 0xFF
    content[-int.from_bytes(content[-8:-4], "little") - 8] ^= 0xFF
    path.write_bytes(content)


def foreign(path: Path) -> None:
    """A whole file of a version to come: its digest is the one that was written down."""
    path.write_bytes(b"PAR9" + b"x" * 200 + b"PAR9")
    with sqlite3.connect(path.parent / FILE) as db:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        db.execute("UPDATE segment SET sha256 = ?, bytes = ? WHERE file = ?", (digest, path.stat().st_size, path.name))


def gone(path: Path) -> None:
    path.unlink()


BREAKING: dict[Breaking, str] = {
    truncated: "changed",
    emptied: "changed",
    flipped: "changed",
    foreign: "unreadable",
    gone: "missing",
}
QUESTIONS: dict[str, Callable[[EmbeddedReader], int]] = {
    "search": lambda reader: len(reader.search("", limit=1000).events),
    "count": lambda reader: reader.count("x:*"),
    "word": lambda reader: reader.count(WORD),
    "histogram": lambda reader: sum(one.count for one in reader.histogram("x:*", NOW, NOW + DAY, 7)),
    "top": lambda reader: sum(count for _, count in reader.top("x:*", "host.name")),
    "values": lambda reader: sum(count for _, count in reader.values("host.name")),
    "group": lambda reader: sum(one.count for one in reader.group("x:*", ["host.name"]).rows),
    "between": lambda reader: len(reader.between(NOW, NOW + DAY, 1000) or ()),
    "columns": lambda reader: sum(map(len, reader.columns(Everything()))),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def files(folder: Path, store: EmbeddedStore, make: Make) -> list[Path]:
    """Three segments with 10 events each; only those of the middle one are ever damaged."""
    for part in range(3):
        store.append(encode([make(n, x=n, message=f"a {WORD} here") for n in range(part * 10, part * 10 + 10)]), [], 1)
    return sorted(folder.glob("*.parquet"))


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("breaking", BREAKING)
def test_the_rest_answers_and_says_what_is_missing(
    files: list[Path], reader: EmbeddedReader, breaking: Breaking, question: str
) -> None:
    breaking(files[1])
    assert QUESTIONS[question](reader) == 20
    (told,) = reader.damaged()
    assert (told.file, told.harm, told.rows) == (files[1].name, BREAKING[breaking], 10)
    assert (told.start, told.end) == (NOW + 10, NOW + 19)
    assert not files[1].exists()
    assert (files[1].parent / FOLDER / files[1].name).exists() is (breaking is not gone)
    assert reader.stats().events == sum(day.events for day in reader.usage().days) == 20
    assert reader.damaged(NOW + 20, None) == reader.damaged(None, NOW + 10) == []
    assert reader.damaged(NOW + 19, NOW + 20) == [told]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of two segments that are never merged."""
    folder = tmp_path_factory.mktemp("large")
    store = EmbeddedStore(folder, now=lambda: NOW)
    for part in range(2):
        numbers = range(part * MANY, (part + 1) * MANY)
        events: list[Event] = [
            {"event.id": event_id(n), "@timestamp": NOW + n, "x": n, "message": f"{WORD} {n}"} for n in numbers
        ]
        store.append(encode(events), [], 1)
    store.close()
    return folder


@pytest.mark.parametrize("question", ["search", "columns", "count", "word", "histogram"])
@pytest.mark.parametrize("breaking", BREAKING)
def test_large_segments_too(large: Path, tmp_path: Path, breaking: Breaking, question: str) -> None:
    folder = Path(shutil.copytree(large, tmp_path / "copy"))
    reader = EmbeddedReader(folder)
    breaking(sorted(folder.glob("*.parquet"))[0])
    assert QUESTIONS[question](reader) == (1000 if question == "search" else MANY)
    assert [one.harm for one in reader.damaged()] == [BREAKING[breaking]]
    reader.close()


def test_many_at_once(folder: Path, store: EmbeddedStore, reader: EmbeddedReader, make: Make) -> None:
    for n in range(30):
        store.append(encode([make(n, x=n)]), [], 1)
    for path in sorted(folder.glob("*.parquet"))[1:]:
        truncated(path)
    assert reader.count("x:*") == 1
    assert len(reader.damaged()) == 29


def test_a_store_that_cannot_be_written_answers_all_the_same(files: list[Path], reader: EmbeddedReader) -> None:
    truncated(files[1])
    reader._manifest._db.execute("PRAGMA query_only = ON")
    assert reader.count("x:*") == 20
    assert [one.file for one in reader.damaged()] == [files[1].name]
    assert files[1].exists()


def test_a_disk_that_has_no_room_for_more_open_files_damages_nothing(files: list[Path], reader: EmbeddedReader) -> None:
    # The file is as it was written: what keeps it from being read is no damage of it.
    files[1].chmod(0)
    if os.access(files[1], os.R_OK):
        files[1].chmod(0o600)
        hidden = files[1].rename(files[1].with_suffix(".kept"))
        files[1].symlink_to(files[1].name)  # a loop: ELOOP for root as well
    with pytest.raises(StoreUnavailable):
        reader.count("x:*")
    assert reader.damaged() == []
    if files[1].is_symlink():
        files[1].unlink()
        hidden.rename(files[1])
    files[1].chmod(0o600)
    assert reader.count("x:*") == 30


@pytest.mark.parametrize("breaking", BREAKING)
def test_the_writer_goes_on_after_a_restart(
    files: list[Path], folder: Path, store: EmbeddedStore, make: Make, breaking: Breaking
) -> None:
    store.close()
    breaking(files[1])
    again = EmbeddedStore(folder, now=lambda: NOW)
    events = encode([make(n, x=n) for n in range(31)])
    assert again.known(events).tolist() == [True] * 10 + [False] * 10 + [True] * 10 + [False]
    again.append(events, [], 2)
    reader = EmbeddedReader(folder)
    assert reader.count("x:*") == 31
    assert [one.file for one in reader.damaged()] == [files[1].name]
    reader.close()
    again.close()


@pytest.mark.parametrize("breaking", BREAKING)
def test_compaction_goes_on_without_it(
    folder: Path, store: EmbeddedStore, reader: EmbeddedReader, make: Make, breaking: Breaking
) -> None:
    for n in range(FAN_IN + 1):
        store.append(encode([make(n, x=n)]), [], 1)
    files = sorted(folder.glob("*.parquet"))
    breaking(files[3])
    assert store.compact(60) == 1
    assert reader.count("x:*") == FAN_IN
    assert [one.file for one in reader.damaged()] == [files[3].name]


def test_a_flip_that_still_reads_is_not_merged(
    folder: Path, store: EmbeddedStore, reader: EmbeddedReader, make: Make
) -> None:
    for n in range(FAN_IN):
        store.append(encode([make(n, x=n, message="unmistakable")]), [], 1)
    path = sorted(folder.glob("*.parquet"))[0]
    with pq.ParquetFile(path) as file:
        table = file.read()
    at = table.schema.get_field_index("message:s")
    pq.write_table(table.set_column(at, "message:s", pa.array(["altered"])), path)
    assert store.compact(60) == 0
    assert [(one.file, one.harm) for one in reader.damaged()] == [(path.name, "changed")]
    assert reader.count("altered") == 0


def test_damage_is_described_by_no_digest(files: list[Path], folder: Path, store: EmbeddedStore) -> None:
    store.close()
    truncated(files[1])
    again = EmbeddedStore(folder, now=lambda: NOW)
    assert again.describe(0) == 1
    assert again.describe(0) == 1
    assert again.describe(0) == 0
    assert [one.events is None for one in again._manifest.segments()] == [False, False]
    again.close()


def test_retention_deletes_what_is_damaged_in_its_time_unless_it_is_held(folder: Path, make: Make) -> None:
    now = NOW
    store = EmbeddedStore(folder, now=lambda: now)
    reader = EmbeddedReader(folder)
    for n in range(2):
        store.append(encode([make(n, x=n)]), [], 1)
    files = sorted(folder.glob("*.parquet"))
    truncated(files[0])
    assert reader.count("x:*") == 1
    now += 10 * DAY
    held = Hold(NOW, NOW + 1, "elsewhere")
    assert store.retain(Keeping({"ordinary": 3}, holds=[held])).events == 1
    assert len(reader.damaged()) == 1
    assert store.retain(Keeping({"ordinary": 3})).events == 1
    assert reader.damaged() == []
    assert files[0].name in {name for one in store.deletions() for name in one.files}
    now += DAY
    store.clean()
    assert list((folder / FOLDER).iterdir()) == []
    reader.close()
    store.close()


def test_a_damaged_file_is_still_the_stores_after_a_restart(
    files: list[Path], folder: Path, store: EmbeddedStore
) -> None:
    reader = EmbeddedReader(folder)
    truncated(files[1])
    assert reader.count("x:*") == 20
    store.close()
    EmbeddedStore(folder).close()
    assert (folder / FOLDER / files[1].name).is_file()
    reader.close()


def test_a_crash_before_its_file_is_moved_changes_nothing(
    files: list[Path], folder: Path, store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Aside, "_move", lambda _self, _file: None)
    truncated(files[1])
    reader = EmbeddedReader(folder)
    assert reader.count("x:*") == 20
    store.close()
    again = EmbeddedStore(folder, now=lambda: NOW + 10 * DAY)
    assert reader.count("x:*") == 20
    assert [one.file for one in reader.damaged()] == [files[1].name]
    again.retain(Keeping({"ordinary": 1}))
    monkeypatch.setattr(writer, "GRACE", -1)
    again.clean()
    assert not files[1].exists()
    again.close()
    reader.close()


def test_what_was_replaced_is_not_damaged(folder: Path, store: EmbeddedStore, make: Make) -> None:
    reader = EmbeddedReader(folder)
    for n in range(FAN_IN):
        store.append(encode([make(n, x=n)]), [], 1)
    stale: list[Segment] = reader._segments(None, None)
    store.compact(60)
    for path in stale:
        (folder / path.file).unlink()
    answers: Iterator[list[Segment]] = iter([stale])
    fresh = reader._segments
    reader._segments = lambda start, end: next(answers, None) or fresh(start, end)  # type: ignore[method-assign]
    assert reader.count("x:*") == FAN_IN
    assert reader.damaged() == []
    reader.close()

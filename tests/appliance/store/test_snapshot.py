"""Snapshots: one moment of a running store, whole or not at all, and put back as it was."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from agent.wire.event import event_id
from appliance.normalise.model import Event
from appliance.store import BatchResult, EmbeddedReader, EmbeddedStore, snapshot, writer
from appliance.store.compaction import FAN_IN
from appliance.store.manifest import FILE
from appliance.store.shape import encode
from appliance.store.snapshot import NOTE, SnapshotFault, restore, take
from tests.appliance.store.conftest import NOW, Make


def quiet(_done: int, _whole: int) -> None:
    pass


def contents(folder: Path) -> list[Event]:
    with closing(EmbeddedReader(folder)) as reader:
        found = reader.between(0, 1 << 62, 100_000)
    assert found is not None
    return found


@pytest.fixture
def folder(tmp_path: Path, store: EmbeddedStore, make: Make) -> Path:
    for n in range(FAN_IN + 3):
        store.append(encode([make(n, **{"odd.name": f"v{n}"})]), [BatchResult(n + 1, "s", 1, 1, 0, 0)], n + 1)
        store.compact(60)
    return tmp_path / "store"


def across(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the target be another file system."""

    def refused(_source: Path, _target: Path) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refused)


@pytest.mark.parametrize("copies", [False, True])
def test_a_snapshot_is_put_back_as_it_was(
    folder: Path, tmp_path: Path, store: EmbeddedStore, make: Make, monkeypatch: pytest.MonkeyPatch, *, copies: bool
) -> None:
    if copies:
        across(monkeypatch)
    before = contents(folder)
    made = take(folder, tmp_path / "out", quiet)
    assert (made.events, made.segments, made.damaged) == (FAN_IN + 3, store.stats().segments, ())
    assert made.linked == (0 if copies else made.segments)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        NOTE, FILE, *(one.file for one in store._manifest.segments())
    }  # fmt: skip
    store.append(encode([make(500)]), [], 99)
    home = tmp_path / "new" / "store"
    assert restore(tmp_path / "out", home, quiet) == made
    assert contents(home) == before
    with closing(EmbeddedStore(home, now=lambda: NOW)) as again:
        # A new journal counts from one; events are known by their ids.
        assert again.applied() == 0
        assert again.known(encode([make(n) for n in range(FAN_IN + 4)])).tolist() == [True] * (FAN_IN + 3) + [False]
        again.append(encode([make(n) for n in range(FAN_IN + 4)]), [BatchResult(1, "t", 9, 9, 9, 9)], 1)
        assert again.compact(60) >= 0
    with closing(EmbeddedReader(home)) as reader:
        assert reader.results([1, 2]) == {1: BatchResult(1, "t", 9, 9, 9, 9)}
        assert reader.count("odd.name:*") == FAN_IN + 3
        assert reader.count("") == FAN_IN + 4


def test_beside_a_writer_that_merges_and_removes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    across(monkeypatch)
    monkeypatch.setattr(writer, "GRACE", -1)
    folder, begun, stop = tmp_path / "store", threading.Event(), threading.Event()
    written: list[int] = []

    def write() -> None:
        with closing(EmbeddedStore(folder, now=lambda: NOW)) as store:
            while not stop.is_set():
                n = len(written)
                store.append(encode([{"event.id": event_id(n), "@timestamp": NOW + n, "x": n}]), [], n + 1)
                store.compact(0)
                written.append(n)
                begun.set()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert begun.wait(30)
        for number in range(5):
            made = take(folder, tmp_path / f"out{number}", quiet)
            restore(tmp_path / f"out{number}", tmp_path / f"new{number}", quiet)
            found = [one["x"] for one in contents(tmp_path / f"new{number}")]
            # One moment: all that came before it, and nothing after.
            assert found == list(range(made.events))
            assert made.damaged == ()
    finally:
        stop.set()
        thread.join()
    assert len(written) == len(contents(folder))


def test_what_is_damaged_is_left_out_and_named(folder: Path, tmp_path: Path, store: EmbeddedStore) -> None:
    broken = store._manifest.segments()[-1]
    content = bytearray((folder / broken.file).read_bytes())
    content[50] ^= 1
    (folder / broken.file).write_bytes(content)
    made = take(folder, tmp_path / "out", quiet)
    assert (made.damaged, made.events) == ((broken.file,), store.stats().events - broken.rows)
    restore(tmp_path / "out", tmp_path / "new", quiet)
    with closing(EmbeddedReader(tmp_path / "new")) as reader:
        assert [one.file for one in reader.damaged()] == [broken.file]
        assert reader.count("") == made.events
    assert (folder / broken.file).is_file()


@pytest.mark.parametrize("harm", ["note", "manifest", "segment", "there", "locked"])
def test_what_is_not_whole_or_not_empty_is_refused(
    folder: Path, tmp_path: Path, store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    across(monkeypatch)
    out, new = tmp_path / "out", tmp_path / "new"
    take(folder, out, quiet)
    if harm == "note":
        (out / NOTE).unlink()
    elif harm == "manifest":
        with closing(sqlite3.connect(out / FILE)) as db, db:
            db.execute("DELETE FROM segment WHERE id = (SELECT max(id) FROM segment)")
    elif harm == "segment":
        path = max(out.glob("*.parquet"))
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    elif harm == "there":
        restore(out, new, quiet)
    with pytest.raises(SnapshotFault):
        restore(out, folder if harm == "locked" else new, quiet)
    assert (new / FILE).exists() is (harm == "there")
    with pytest.raises(SnapshotFault):
        take(folder, out, quiet)
    with pytest.raises(SnapshotFault):
        take(tmp_path / "nothing", tmp_path / "else", quiet)


def test_a_restore_that_was_cut_off_is_made_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(folder, tmp_path / "out", quiet)
    real = snapshot._linked
    left = [2]

    def cut(source: Path, target: Path) -> bool:
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        return real(source, target)

    monkeypatch.setattr(snapshot, "_linked", cut)
    with pytest.raises(KeyboardInterrupt):
        restore(tmp_path / "out", tmp_path / "new", quiet)
    assert not (tmp_path / "new" / FILE).exists()
    restore(tmp_path / "out", tmp_path / "new", quiet)
    assert contents(tmp_path / "new") == contents(folder)

"""The correlations' file: whatever happens between it and the store, it says what was at the store's cursor."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from appliance.pipeline import memory
from appliance.pipeline.memory import CorrelationMemory, Name

DIGEST, OTHER = "ab" * 16, "cd" * 16


class Box:
    """Groups, a store's cursor, and the file, as the pipeline uses them; any of it can fail or be started anew."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.applied = 0
        self.groups: dict[Name, bytes] = {}
        self.noted: dict[Name, int] = {}
        self.changed: set[Name] = set()
        self.upto = 0
        self.confirmed: dict[Name, bytes] = {}
        self.memory = self._open()

    def _open(self) -> CorrelationMemory:
        return CorrelationMemory(self.path, lambda: self.applied)

    def saved(self, names: Iterable[Name]) -> Iterator[tuple[str, str, bytes]]:
        for name in names:
            yield *name, self.groups.get(name, b"")

    def written(self, name: Name) -> int | None:
        return self.noted.get(name, -1) if name in self.groups else None

    def live(self) -> int:
        return len(self.groups)

    def put(self, key: str, body: bytes | None) -> None:
        name = DIGEST, key
        self.changed.add(name)
        if body is None:
            self.groups.pop(name, None)
            self.noted.pop(name, None)
        else:
            self.groups[name] = body

    def flush(self, *, store_works: bool = True) -> None:
        self.upto += 1
        self.changed = self.memory.save(self.changed, self, self.upto)
        if store_works:
            self.applied = self.upto
            self.noted.update((name, self.upto) for name in self.changed if name in self.groups)
            self.confirmed, self.changed = dict(self.groups), set()

    def restart(self) -> None:
        """What the store has not confirmed is read again by whoever comes next: it never happened."""
        self.memory.close()
        self.memory = self._open()
        rows = self.memory.load({DIGEST})
        self.groups = {(digest, key): body for digest, key, body, _ in rows}
        self.noted = {(digest, key): upto for digest, key, _, upto in rows}
        self.changed, self.upto = set(), self.applied

    def records(self) -> int:
        with sqlite3.connect(self.path) as database:
            found: int = database.execute("SELECT sum(records) FROM changes").fetchone()[0]
        database.close()
        return found


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    monkeypatch.setattr(memory, "LEAST", 20)
    made = Box(tmp_path / "correlations.db")
    made.restart()
    yield made
    made.memory.close()


@pytest.mark.parametrize("seed", range(20))
def test_whatever_fails_a_start_finds_what_the_store_confirmed(box: Box, seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(150):
        for _ in range(draw.randrange(12)):
            body = draw.randbytes(draw.randrange(1, 60)) if draw.random() < 0.8 else None
            box.put(f"stacja-{draw.randrange(40)}\x1fąę\x1d{draw.randrange(2)}", body)
        box.flush(store_works=draw.random() < 0.8)
        if draw.random() < 0.2:
            box.restart()
            assert box.groups == box.confirmed
    box.restart()
    assert box.groups == box.confirmed
    assert box.groups


def test_the_file_does_not_grow_with_the_number_of_flushes(box: Box) -> None:
    for number in range(100):
        box.put(f"old{number}", b"o")
    for number in range(2_000):
        box.put(f"busy{number % 5}", bytes([number % 250 + 1]))
        box.flush()
    assert box.records() < 2 * (100 + 5) + 20 + 10
    box.restart()
    assert len(box.groups) == 105


def test_correlations_that_are_gone_leave_the_file(box: Box) -> None:
    box.groups[OTHER, "x"] = b"x"
    box.changed.add((OTHER, "x"))
    box.flush()
    box.restart()
    assert not box.groups
    for number in range(200):
        box.put("busy", bytes([number + 1]))
        box.flush()
    with sqlite3.connect(box.path) as database:
        assert not any(bytes.fromhex(OTHER) in body for (body,) in database.execute("SELECT body FROM changes"))
    database.close()


def test_a_row_that_ends_too_early_sets_the_file_aside(box: Box) -> None:
    box.put("a", b"body")
    box.flush()
    with sqlite3.connect(box.path) as database:
        database.execute("UPDATE changes SET body = substr(body, 1, 28)")
    database.close()
    box.restart()
    assert (box.groups, box.memory.lost) == ({}, 1)
    assert box.path.with_name("correlations.db.damaged").exists()
    box.put("a", b"again")
    box.flush()
    box.restart()
    assert box.groups == {(DIGEST, "a"): b"again"}

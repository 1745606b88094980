"""Records that could not be read: their original bytes and the reason, kept where people see them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.journal.database import failures, open_database, transaction

MAX_BYTES = 1 << 30
"""Bytes of originals that are kept; past it the oldest go, and are counted."""
MAX_ORIGINAL = 1 << 20
MAX_REASON = 1000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS letter (
  id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, batch_seq INTEGER NOT NULL, line_no INTEGER NOT NULL,
  reason TEXT NOT NULL, at INTEGER NOT NULL, bytes INTEGER NOT NULL, original BLOB NOT NULL,
  UNIQUE (batch_seq, line_no));
CREATE TABLE IF NOT EXISTS total (
  one INTEGER PRIMARY KEY CHECK (one = 1), letters INTEGER NOT NULL, bytes INTEGER NOT NULL, dropped INTEGER NOT NULL);
INSERT OR IGNORE INTO total VALUES (1, 0, 0, 0);
"""
_COLUMNS = "id, source, batch_seq, line_no, reason, original, at"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An unreadable record: who sent it, its batch's place and its line there, the reason, the bytes, when."""

    source: str
    batch_seq: int
    line_no: int
    reason: str
    original: bytes
    at: int


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """A dead letter with its number in the store."""

    id: int
    source: str
    batch_seq: int
    line_no: int
    reason: str
    original: bytes
    at: int


class DeadLetters:
    """The dead letters in one file. Safe to share between threads and processes.

    Every method raises JournalUnavailable when the file cannot be used.
    """

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES) -> None:
        self._path, self._max_bytes = path, max_bytes
        self._lock = threading.Lock()
        self._connection = open_database(path, _SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def add(self, letters: Iterable[DeadLetter]) -> None:
        """Keep letters, on disk at return; one already kept for the same batch and line stays as it is."""
        with self._lock, failures(self._path), transaction(self._connection):
            for letter in letters:
                self._insert(letter)
            self._trim()

    def _insert(self, letter: DeadLetter) -> None:
        original = letter.original[:MAX_ORIGINAL]
        reason = letter.reason[:MAX_REASON].encode("utf-8", "replace").decode()
        row = (letter.source, letter.batch_seq, letter.line_no, reason, letter.at, len(original), original)
        added = self._connection.execute(
            "INSERT OR IGNORE INTO letter (source, batch_seq, line_no, reason, at, bytes, original)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            row,
        ).rowcount
        if added:
            self._connection.execute("UPDATE total SET letters = letters + 1, bytes = bytes + ?", (len(original),))

    def _trim(self) -> None:
        while self._bytes() > self._max_bytes:
            number, size = self._connection.execute("SELECT id, bytes FROM letter ORDER BY id LIMIT 1").fetchone()
            self._connection.execute("DELETE FROM letter WHERE id = ?", (number,))
            self._connection.execute(
                "UPDATE total SET letters = letters - 1, bytes = bytes - ?, dropped = dropped + 1", (size,)
            )

    def _bytes(self) -> int:
        return int(self._connection.execute("SELECT bytes FROM total").fetchone()[0])

    def list(self, after_id: int = 0, limit: int = 100) -> Sequence[StoredLetter]:
        """Return letters behind a number, in order."""
        return self._query(f"SELECT {_COLUMNS} FROM letter WHERE id > ? ORDER BY id LIMIT ?", (after_id, limit))  # noqa: S608 - constant

    def newest(self, before_id: int | None = None, limit: int = 100) -> Sequence[StoredLetter]:
        """Return letters before a number, the newest first."""
        query = f"SELECT {_COLUMNS} FROM letter WHERE id < ? ORDER BY id DESC LIMIT ?"  # noqa: S608 - constant
        return self._query(query, (before_id if before_id is not None else 1 << 62, limit))

    def get(self, number: int) -> StoredLetter | None:
        """Return one letter."""
        found = self._query(f"SELECT {_COLUMNS} FROM letter WHERE id = ?", (number,))  # noqa: S608 - constant
        return found[0] if found else None

    def count(self) -> int:
        """Say how many letters are kept."""
        return int(self._total("letters"))

    def count_between(self, start: int, end: int) -> int:
        """Return how many letters arrived from `start` until before `end`, microseconds."""
        with self._lock, failures(self._path):
            row = self._connection.execute(
                "SELECT count(*) FROM letter WHERE at >= ? AND at < ?", (start, end)
            ).fetchone()
        return int(row[0])

    def dropped(self) -> int:
        """Say how many letters went because of the bound."""
        return int(self._total("dropped"))

    def _total(self, column: str) -> int:
        with self._lock, failures(self._path):
            return int(self._connection.execute(f"SELECT {column} FROM total").fetchone()[0])  # noqa: S608 - constant

    def _query(self, query: str, values: tuple[int, ...]) -> Sequence[StoredLetter]:
        with self._lock, failures(self._path):
            return [StoredLetter(*row) for row in self._connection.execute(query, values)]

"""What correlations remember, on disk, in step with the store's cursor.

The store's own transaction is the cursor: after a crash every batch behind `store.applied()` is read again, so the
memory must be found exactly as it was at that batch, neither older nor newer. Two files cannot commit as one.
Therefore each flush first writes the groups that changed since the last *confirmed* flush into the table `next`,
with the number of the last batch they have seen; then the store commits. Whoever opens the file compares: if the
store has applied that batch, `next` is the truth and is merged into `state`; if not, it never happened and is
thrown away. Every later flush begins with the same comparison. Only changed groups are written, never everything.

A file that cannot be read is set aside: the box goes on with an empty memory and says so.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import structlog

from appliance.journal.database import failures, open_database, transaction
from appliance.journal.errors import JournalUnavailable

log = structlog.get_logger()
_SCHEMA = """
CREATE TABLE IF NOT EXISTS state (
  digest TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (digest, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS next (
  digest TEXT NOT NULL, key TEXT NOT NULL, body BLOB, PRIMARY KEY (digest, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS upto (
  one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL);
INSERT OR IGNORE INTO upto VALUES (1, 0);
"""
Row = tuple[str, str, bytes]
Change = tuple[str, str, bytes | None]


class CorrelationMemory:
    """One file; `applied` tells the last batch that the store has. One process uses it, one thread at a time."""

    def __init__(self, path: Path, applied: Callable[[], int]) -> None:
        self._path, self._applied = path, applied
        self.lost = 0
        """How often a damaged file was set aside."""
        try:
            self._database = self._open()
        except JournalUnavailable as error:
            if not isinstance(error.__cause__, sqlite3.DatabaseError) or _is_busy(error.__cause__):
                raise
            self._set_aside(error)
            self._database = self._open()

    def _open(self) -> sqlite3.Connection:
        database = open_database(self._path, _SCHEMA)
        with failures(self._path):
            if database.execute("PRAGMA quick_check").fetchone() != ("ok",):
                database.close()
                raise sqlite3.DatabaseError("database disk image is malformed")
        return database

    def _set_aside(self, error: JournalUnavailable) -> None:
        log.error("correlation_memory_damaged", path=str(self._path), reason=str(error))
        for suffix in ("-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        self._path.replace(self._path.with_name(self._path.name + ".damaged"))
        self.lost += 1

    def load(self, known: Collection[str]) -> list[Row]:
        """Return the groups as they were at the store's cursor, and forget those of digests that are not known."""
        with failures(self._path), transaction(self._database):
            self._settle()
            for (digest,) in self._database.execute("SELECT DISTINCT digest FROM state").fetchall():
                if digest not in known:
                    self._database.execute("DELETE FROM state WHERE digest = ?", (digest,))
            return self._database.execute("SELECT digest, key, body FROM state").fetchall()

    def save(self, changes: Iterable[Change], upto: int) -> None:
        """Write what changed since the last confirmed flush, as of the batch `upto`; on disk on return."""
        with failures(self._path), transaction(self._database):
            self._settle()
            self._database.executemany("INSERT INTO next VALUES (?, ?, ?)", changes)
            self._database.execute("UPDATE upto SET seq = ?", (upto,))

    def _settle(self) -> None:
        """Merge what the store has confirmed, drop what it has not."""
        (seq,) = self._database.execute("SELECT seq FROM upto").fetchone()
        if seq <= self._applied():
            self._database.execute("INSERT OR REPLACE INTO state SELECT * FROM next WHERE body IS NOT NULL")
            self._database.execute(
                "DELETE FROM state WHERE (digest, key) IN (SELECT digest, key FROM next WHERE body IS NULL)"
            )
        self._database.execute("DELETE FROM next")

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _is_busy(error: sqlite3.DatabaseError) -> bool:
    """Whether the file is sound and only the moment is bad: locked, full, not to be opened."""
    return isinstance(error, sqlite3.OperationalError) and "malformed" not in str(error)

"""What correlations remember, on disk, in step with the store's cursor.

The store's own transaction is the cursor: after a crash every batch behind `store.applied()` is read again, so the
memory must be found exactly as it was at that batch, neither older nor newer. Two files cannot commit as one.
Therefore each flush first adds one row with the groups that changed since the last *confirmed* flush, under the
number of the last batch they have seen; then the store commits. A row counts when the store has applied its batch;
if not, it never happened and is thrown away, by whoever opens the file or by the next flush. Of several records of
a group the newest counts.

Rows are only ever added, one a flush, however many groups changed. So that the file does not grow, each flush also
writes again what still counts of the oldest rows, once less than half of the file counts; those rows go when the
store has confirmed it.

A file that cannot be read is set aside: the box goes on with an empty memory and says so.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import structlog

from appliance.journal.database import failures, open_database, transaction
from appliance.journal.errors import JournalUnavailable

log = structlog.get_logger()
LEAST = 20_000
"""Records that may lie in the file before old rows are written again."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS changes (
  upto INTEGER PRIMARY KEY, records INTEGER NOT NULL, again INTEGER, body BLOB NOT NULL);
"""
_RECORD = struct.Struct(">16sII")
"""Digest of the correlation, bytes of the key, bytes of the group: none for one that is gone."""
Name = tuple[str, str]
"""Digest of a correlation, key of a group."""
Row = tuple[str, str, bytes, int]
"""Digest, key, the group as bytes, and the batch as of which it was written."""


class Groups(Protocol):
    """What is to be remembered."""

    def saved(self, names: Iterable[Name]) -> Iterable[tuple[str, str, bytes]]:
        """Return digest, key and bytes of these groups; no bytes for one that is gone."""

    def written(self, name: Name) -> int | None:
        """Return as of which batch the store has confirmed what is written of a group."""

    def live(self) -> int:
        """Return how many groups there are."""


class CorrelationMemory:
    """One file; `applied` tells the last batch that the store has. One process uses it, one thread at a time."""

    def __init__(self, path: Path, applied: Callable[[], int]) -> None:
        self._path, self._applied = path, applied
        self.lost = 0
        """How often a damaged file was set aside."""
        self._rows: dict[int, int] = {}
        self._again: dict[int, int] = {}
        """Rows by batch: how many records, and the batch of the row that replaces it."""
        try:
            self._database = self._open()
        except JournalUnavailable as error:
            if not isinstance(error.__cause__, sqlite3.DatabaseError) or _is_busy(error.__cause__):
                raise
            self._set_aside(str(error))

    def _open(self) -> sqlite3.Connection:
        database = open_database(self._path, _SCHEMA)
        with failures(self._path):
            if database.execute("PRAGMA quick_check").fetchone() != ("ok",):
                database.close()
                raise sqlite3.DatabaseError("database disk image is malformed")
        return database

    def _set_aside(self, reason: str) -> None:
        log.error("correlation_memory_damaged", path=str(self._path), reason=reason)
        for suffix in ("-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        self._path.replace(self._path.with_name(self._path.name + ".damaged"))
        self.lost += 1
        self._database = self._open()

    def load(self, known: Collection[str]) -> list[Row]:
        """Return the groups as they were at the store's cursor, without those of digests that are not known."""
        with failures(self._path), transaction(self._database):
            for upto, records, again in self._database.execute("SELECT upto, records, again FROM changes"):
                self._rows[upto] = records
                if again is not None:
                    self._again[upto] = again
            self._rows, self._again = self._settled(), {}
        try:
            return list(self._newest(known))
        except ValueError as error:
            self.give_up(str(error))
            return []

    def give_up(self, reason: str) -> None:
        """Set the file aside, whose groups turned out to be damaged, and begin an empty one."""
        self._database.close()
        self._rows.clear()
        self._again.clear()
        self._set_aside(reason)

    def _newest(self, known: Collection[str]) -> Iterator[Row]:
        found: dict[Name, tuple[bytes, int]] = {}
        with failures(self._path):
            for upto, body in self._database.execute("SELECT upto, body FROM changes ORDER BY upto"):
                for digest, key, blob in _records(body):
                    if digest in known:
                        found[digest, key] = blob, upto
        for (digest, key), (blob, upto) in found.items():
            if blob:
                yield digest, key, blob, upto

    def save(self, names: Collection[Name], groups: Groups, upto: int) -> set[Name]:
        """Write these groups, and what still counts of the oldest rows, as of the batch `upto`; on disk on return.

        Return what was written: all of it must be written again when the store does not commit.
        """
        with failures(self._path), transaction(self._database):
            rows = self._settled()
            old = _oldest(rows, 2 * len(names), LEAST + 2 * groups.live())
            wanted = {*names, *(name for row in old for name in self._names(row) if groups.written(name) == row)}
            body = b"".join(_encoded(groups.saved(wanted)))
            self._database.execute("INSERT INTO changes VALUES (?, ?, NULL, ?)", (upto, len(wanted), body))
            self._database.executemany("UPDATE changes SET again = ? WHERE upto = ?", [(upto, row) for row in old])
        self._rows = {**rows, upto: len(wanted)}
        self._again = dict.fromkeys(old, upto)
        return wanted

    def _names(self, row: int) -> list[Name]:
        (body,) = self._database.execute("SELECT body FROM changes WHERE upto = ?", (row,)).fetchone()
        return [(digest, key) for digest, key, _ in _records(body)]

    def _settled(self) -> dict[int, int]:
        """Drop rows that the store has not confirmed, and those that a confirmed one replaces; return the others."""
        applied = self._applied()
        rows = {
            row: records for row, records in self._rows.items() if row <= applied < self._again.get(row, applied + 1)
        }
        gone = [(row,) for row in self._rows.keys() - rows.keys()]
        self._database.executemany("DELETE FROM changes WHERE upto = ?", gone)
        self._database.execute("UPDATE changes SET again = NULL WHERE again > ?", (applied,))
        return rows

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _oldest(rows: Mapping[int, int], most: int, allowed: int) -> list[int]:
    """Return the oldest rows, of at most so many records but one row at least, while more than allowed are there."""
    left = sum(rows.values())
    found: list[int] = []
    for row in sorted(rows):
        if left <= allowed or (rows[row] > most and found):
            break
        found.append(row)
        left -= rows[row]
        most -= rows[row]
    return found


def _encoded(changes: Iterable[tuple[str, str, bytes]]) -> Iterator[bytes]:
    digests: dict[str, bytes] = {}
    for digest, key, blob in changes:
        raw = digests.get(digest)
        if raw is None:
            raw = digests[digest] = bytes.fromhex(digest)
        name = key.encode("utf-8", "surrogatepass")
        yield _RECORD.pack(raw, len(name), len(blob))
        yield name
        yield blob


def _records(body: bytes) -> Iterator[tuple[str, str, bytes]]:
    """Yield digest, key and group of each record. Raises ValueError where the row ends too early or has no such key."""
    place = 0
    while place < len(body):
        if place + _RECORD.size > len(body):
            raise ValueError(f"a record begins at byte {place} of {len(body)}")
        digest, name, size = _RECORD.unpack_from(body, place)
        place += _RECORD.size
        end = place + name + size
        if end > len(body):
            raise ValueError(f"a record ends at byte {end} of {len(body)}")
        yield digest.hex(), body[place : place + name].decode("utf-8", "surrogatepass"), body[place + name : end]
        place = end


def _is_busy(error: sqlite3.DatabaseError) -> bool:
    """Whether the file is sound and only the moment is bad: locked, full, not to be opened."""
    return isinstance(error, sqlite3.OperationalError) and "malformed" not in str(error)

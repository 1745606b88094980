"""The journal: batches in the order of arrival, durable once `append_many` returns.

A batch is known by its sender and key, and taken once. Positions (`seq`) only grow and are never used again; nothing
depends on the clock. One process appends, another reads and forgets; each has its own `Journal` on the same file.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

from appliance.journal import chains
from appliance.journal.chains import Break, Claimed
from appliance.journal.database import failures, open_database, transaction
from appliance.journal.errors import JournalFull

KEYS_KEPT = 100_000
"""So many newest keys are never forgotten, whatever the clock says."""
OVERHEAD = 200
"""Bytes that a batch takes in the file beside its body; counted so that empty bodies are bounded too."""
_SHARDS = 64
_SCHEMA = """
CREATE TABLE IF NOT EXISTS batch (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, key TEXT NOT NULL, received_at INTEGER NOT NULL,
  sent_at INTEGER, records INTEGER NOT NULL, bytes INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS seen (
  name BLOB PRIMARY KEY, seq INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS total (
  one INTEGER PRIMARY KEY CHECK (one = 1), batches INTEGER NOT NULL, bytes INTEGER NOT NULL);
INSERT OR IGNORE INTO total VALUES (1, 0, 0);
CREATE TABLE IF NOT EXISTS floor (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class NewBatch:
    """A batch as it arrived: its sender, its key, times in microseconds, count of records, deflated body."""

    source: str
    key: str
    received_at: int
    sent_at: int | None
    records: int
    body: bytes
    claim: Claimed | None = None
    """What it says of the batches before it."""
    host: str = ""
    """What people call its sender; not kept, only for what is told of a broken chain."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch at its place in the journal."""

    seq: int
    source: str
    key: str
    received_at: int
    sent_at: int | None
    records: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Appended:
    """Where a batch is; `duplicate` when it had been taken before, `broken` when it breaks its sender's chain."""

    seq: int
    duplicate: bool
    broken: Break | None = None


Teller = Callable[[NewBatch, Break], NewBatch]
"""Returns the batch that tells of a break, for the same sender."""


@dataclass(frozen=True, slots=True)
class Depth:
    """What waits: batches, their bytes, and when the oldest arrived."""

    batches: int
    bytes: int
    oldest_received_at: int | None


class Journal:
    """The journal in one file, bounded to `max_bytes` of waiting batches. Safe to share between threads.

    Every method raises JournalUnavailable when the file cannot be used.
    """

    def __init__(self, path: Path, max_bytes: int, teller: Teller | None = None) -> None:
        """With a `teller`, what it says of a broken chain goes in with the batch that broke it."""
        self._path, self._max_bytes, self._teller = path, max_bytes, teller
        self._lock = threading.Lock()
        self._version: int | None = None
        self._connection = open_database(path, _SCHEMA + chains.SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def append_many(self, batches: Sequence[NewBatch]) -> list[Appended]:
        """Take all batches in one transaction, on disk at return. Those already taken are found and not taken again.

        Raises JournalFull, having taken none, when the new ones do not fit.
        """
        with self._lock, failures(self._path), transaction(self._connection):
            answers: list[Appended] = []
            new: list[int] = []
            for batch in batches:
                answer, sizes = self._append(batch)
                answers.append(answer)
                new += sizes
            if new:
                self._add(len(new), sum(new))
        return answers

    def _append(self, batch: NewBatch) -> tuple[Appended, list[int]]:
        """Take a batch; return where it is, and the sizes of all that went in."""
        chain, known = chains.chain_of(self._connection, batch.source), self._seen(batch)
        if known and batch.claim and not chains.same(chain, batch.claim):
            # Other records under an old key: they get a key of their own, or they would be lost as known.
            batch = replace(batch, key=f"{batch.key} {batch.claim.link[:16]}")
            known = self._seen(batch)
        if known:
            return Appended(known, duplicate=True), []
        seq, broken = self._insert(batch), chains.judge(chain, batch.claim)
        if chain or batch.claim:
            chains.keep(self._connection, batch.source, chain, batch.claim, batch.received_at)
        taken = [batch]
        if broken and self._teller:
            taken.append(self._teller(batch, broken))
            self._insert(taken[-1])
        return Appended(seq, duplicate=False, broken=broken), [len(one.body) + OVERHEAD for one in taken]

    def _seen(self, batch: NewBatch) -> int | None:
        name = _name(batch.source, batch.key)
        known = self._connection.execute("SELECT seq FROM seen WHERE name = ?", (name,)).fetchone()
        return known[0] if known else None

    def _insert(self, batch: NewBatch) -> int:
        seq = self._connection.execute(
            "INSERT INTO batch (source, key, received_at, sent_at, records, bytes, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                batch.source,
                batch.key,
                batch.received_at,
                batch.sent_at,
                batch.records,
                len(batch.body) + OVERHEAD,
                batch.body,
            ),
        ).lastrowid
        assert seq is not None
        name = _name(batch.source, batch.key)
        self._connection.execute("INSERT INTO seen VALUES (?, ?, ?)", (name, seq, batch.received_at))
        return seq

    def _add(self, batches: int, size: int) -> None:
        changed = self._connection.execute(
            "UPDATE total SET batches = batches + ?, bytes = bytes + ? WHERE bytes + ? <= ?",
            (batches, size, size, self._max_bytes),
        )
        if not changed.rowcount:
            raise JournalFull(f"{size} bytes do not fit within {self._max_bytes}")

    def read(self, after: int, max_batches: int, max_bytes: int) -> list[Batch]:
        """Return batches behind position `after`, in order: at most `max_batches` and, past the first, `max_bytes`."""
        found: list[Batch] = []
        size = 0
        with self._lock, failures(self._path):
            rows = self._connection.execute(
                "SELECT seq, source, key, received_at, sent_at, records, body FROM batch"
                " WHERE seq > ? ORDER BY seq LIMIT ?",
                (after, max_batches),
            )
            for row in rows:
                batch = Batch(*row)
                size += len(batch.body)
                if found and size > max_bytes:
                    break
                found.append(batch)
            rows.close()
        return found

    def find(self, source: str, keys: Iterable[str]) -> dict[str, int]:
        """Return the positions of a sender's batches by key; keys that were never taken are absent."""
        found: dict[str, int] = {}
        with self._lock, failures(self._path):
            for key in keys:
                row = self._connection.execute("SELECT seq FROM seen WHERE name = ?", (_name(source, key),)).fetchone()
                if row:
                    found[key] = row[0]
        return found

    def forget(self, upto: int) -> None:
        """Drop the bodies up to and including position `upto`; their keys stay known."""
        with self._lock, failures(self._path), transaction(self._connection):
            count, size = self._connection.execute(
                "SELECT count(*), coalesce(sum(bytes), 0) FROM batch WHERE seq <= ?", (upto,)
            ).fetchone()
            self._connection.execute("DELETE FROM batch WHERE seq <= ?", (upto,))
            self._connection.execute("UPDATE total SET batches = batches - ?, bytes = bytes - ?", (count, size))

    def forget_keys(self, before: int) -> int:
        """Forget keys of batches that arrived before a moment (microseconds), except the newest; return how many.

        Works in short transactions, so that appending never waits long.
        """
        with self._lock, failures(self._path):
            newest = self._connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'batch'").fetchone()
        last = (newest[0] if newest else 0) - KEYS_KEPT
        gone = sum(self._forget_shard(low, high, before, last) for low, high in _shards())
        # What comes meanwhile lies above all that is here.
        oldest = min(filter(None, (self._oldest(low, high) for low, high in _shards())), default=0)
        with self._lock, failures(self._path):
            self._connection.execute("INSERT OR REPLACE INTO floor VALUES (1, ?)", (oldest,))
        return gone

    def _oldest(self, low: bytes, high: bytes) -> int | None:
        with self._lock, failures(self._path):
            row = self._connection.execute("SELECT min(seq) FROM seen WHERE name >= ? AND name < ?", (low, high))
            found: int | None = row.fetchone()[0]
        return found

    def floor(self) -> int:
        """Return the position of the oldest batch whose key was known after the last `forget_keys`, 0 before one."""
        with self._lock, failures(self._path):
            row = self._connection.execute("SELECT seq FROM floor").fetchone()
        return row[0] if row else 0

    def _forget_shard(self, low: bytes, high: bytes, before: int, last: int) -> int:
        with self._lock, failures(self._path):
            return self._connection.execute(
                "DELETE FROM seen WHERE name >= ? AND name < ? AND at < ? AND seq <= ?"
                " AND seq NOT IN (SELECT seq FROM batch)",
                (low, high, before, last),
            ).rowcount

    def shrink(self, pages: int = 2000) -> None:
        """Give up to so many free pages back to the disk."""
        with self._lock, failures(self._path):
            # `execute` steps a statement without columns once, which would free a single page.
            self._connection.executescript(f"PRAGMA incremental_vacuum({pages:d})")

    def depth(self) -> Depth:
        """Say what waits."""
        with self._lock, failures(self._path):
            batches, size = self._connection.execute("SELECT batches, bytes FROM total").fetchone()
            oldest = self._connection.execute("SELECT received_at FROM batch ORDER BY seq LIMIT 1").fetchone()
        return Depth(batches, size, oldest[0] if oldest else None)

    def changed(self) -> bool:
        """Say whether another process or `Journal` wrote since the last call; cheap. True at the first call."""
        with self._lock, failures(self._path):
            version = self._connection.execute("PRAGMA data_version").fetchone()[0]
        changed: bool = version != self._version
        self._version = version
        return changed


def _name(source: str, key: str) -> bytes:
    return blake2b(f"{source}\0{key}".encode(), digest_size=16).digest()


def _shards() -> Iterable[tuple[bytes, bytes]]:
    step = 256 // _SHARDS
    for start in range(0, 256, step):
        # Seventeen bytes sort behind every name of sixteen.
        yield bytes([start]), bytes([start + step]) if start + step < 256 else b"\xff" * 17

"""What waits for the cluster, on this machine's disk: parcels of documents, and how far the journal is applied.

The journal's cursor is kept here and not in the cluster: it counts places of this machine's journal, it must be known
while the cluster is away, and in one transaction with the events that it stands for it can neither lose nor repeat any.
A parcel goes when the cluster has acknowledged all of it; sent twice, its documents' ids keep it from counting twice.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import zstandard

from appliance.journal.database import failures, open_database, transaction
from appliance.store import results
from appliance.store.elastic.documents import Item
from appliance.store.elastic.sums import Summed, added
from appliance.store.model import BatchResult, StoreUnavailable, Waiting

OVERHEAD = 64
"""Bytes that an event takes in the file beside its document."""
PARCEL_EVENTS, PARCEL_BYTES = 2000, 4 << 20
FRESH = 4
"""Parcels that are kept unpacked at most."""
IDS = 500
"""Ids of one statement; every SQLite takes so many."""
_WAITING = "SELECT id FROM waiting WHERE id IN (" + ",".join("?" * IDS) + ")"  # noqa: S608 - constant
_LEVEL = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS applied (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS result (
  seq INTEGER PRIMARY KEY, source TEXT NOT NULL, read INTEGER NOT NULL, stored INTEGER NOT NULL,
  known INTEGER NOT NULL, dead INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS parcel (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, events INTEGER NOT NULL, bytes INTEGER NOT NULL,
  upto INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS waiting (id BLOB PRIMARY KEY, parcel INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS waiting_parcel ON waiting (parcel);
CREATE TABLE IF NOT EXISTS standing (
  one INTEGER PRIMARY KEY CHECK (one = 1), failing_since INTEGER, reason TEXT NOT NULL, shipped_at INTEGER);
INSERT OR IGNORE INTO standing VALUES (1, NULL, '', NULL);
CREATE TABLE IF NOT EXISTS deletion (
  at INTEGER NOT NULL, reason TEXT NOT NULL, day INTEGER NOT NULL, name TEXT NOT NULL, events INTEGER NOT NULL,
  bytes INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS deleting (
  at INTEGER NOT NULL, reason TEXT NOT NULL, day INTEGER NOT NULL, name TEXT PRIMARY KEY, events INTEGER NOT NULL,
  bytes INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS hour (
  name TEXT NOT NULL, hour INTEGER NOT NULL, events INTEGER NOT NULL, sum BLOB NOT NULL, digest TEXT NOT NULL,
  changed_at INTEGER NOT NULL, PRIMARY KEY (name, hour)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meant (id BLOB PRIMARY KEY, time INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS changed (
  number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, hour INTEGER NOT NULL, UNIQUE (name, hour));
INSERT OR IGNORE INTO changed (name, hour) SELECT name, hour FROM hour;
DELETE FROM changed WHERE NOT EXISTS (SELECT 1 FROM hour WHERE hour.name = changed.name AND hour.hour = changed.hour);
"""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Documents that were taken together, the journal seq they came with, and when (microseconds)."""

    id: int
    at: int
    upto: int
    items: list[Item]


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand: events and bytes that wait, since when, and what keeps them (None and empty: nothing does)."""

    events: int
    bytes: int
    oldest_at: int | None
    failing_since: int | None
    reason: str
    shipped_at: int | None


@dataclass(frozen=True, slots=True)
class Deleted:
    """An index that retention deleted; times in microseconds, `day` since 1970."""

    at: int
    reason: str
    day: int
    name: str
    events: int
    bytes: int


class Spool:
    """The file. Safe to share between threads and processes; one of them writes.

    Every method raises JournalUnavailable when the file cannot be used.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path, self.max_bytes = path, max_bytes
        self._lock = threading.Lock()
        self._db = open_database(path, _SCHEMA)
        self._fresh: dict[int, list[Item]] = {}
        """Parcels that were just put, so that they need not be unpacked when they go at once."""

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def applied(self) -> int:
        """Return the journal seq up to which events were taken, 0 at first."""
        with self._lock, failures(self._path):
            row = self._db.execute("SELECT seq FROM applied").fetchone()
        return 0 if row is None else int(row[0])

    def waiting(self, ids: Iterable[str]) -> set[str]:
        """Return the ids among these that wait."""
        packed: list[bytes | None] = list(map(bytes.fromhex, ids))
        with self._lock, failures(self._path):
            if not self._db.execute("SELECT 1 FROM waiting LIMIT 1").fetchone():
                return set()
            parts = (packed[at : at + IDS] for at in range(0, len(packed), IDS))
            return {
                row[0].hex() for part in parts for row in self._db.execute(_WAITING, part + [None] * (IDS - len(part)))
            }

    def put(self, items: Sequence[Item], results: Sequence[BatchResult], upto: int, now: int) -> None:
        """Take documents, results and seq, all or nothing and on disk on return. Raises StoreUnavailable when full."""
        packed = [(part, _pack(part)) for part in _parts(items)]
        size = sum(len(body) + OVERHEAD * len(part) for part, body in packed)
        with self._lock, failures(self._path), transaction(self._db):
            waiting = self._db.execute("SELECT coalesce(sum(bytes), 0) FROM parcel").fetchone()[0]
            if waiting + size > self.max_bytes:
                raise StoreUnavailable(
                    f"Zdarzenia czekające na klaster zajęły {waiting} bajtów; więcej się nie mieści."
                )
            numbers = [self._insert(part, body, upto, now) for part, body in packed]
            self._db.executemany(
                "INSERT OR IGNORE INTO result VALUES (?,?,?,?,?,?)",
                [(r.seq, r.source, r.read, r.stored, r.known, r.dead) for r in results],
            )
            self._db.execute(
                "INSERT INTO applied VALUES (1, ?) ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq)", (upto,)
            )
        with self._lock:
            for number, (part, _) in zip(numbers, packed, strict=True):
                if len(self._fresh) < FRESH:
                    self._fresh[number] = part

    def _insert(self, part: Sequence[Item], body: bytes, upto: int, now: int) -> int:
        size = len(body) + OVERHEAD * len(part)
        number = self._db.execute(
            "INSERT INTO parcel (at, events, bytes, upto, body) VALUES (?, ?, ?, ?, ?)",
            (now, len(part), size, upto, body),
        ).lastrowid
        assert number is not None
        rows = [(bytes.fromhex(item.id), number) for item in part]
        self._db.executemany("INSERT OR IGNORE INTO waiting VALUES (?, ?)", rows)
        return number

    def oldest(self, events: int) -> list[Parcel]:
        """Return the oldest parcels, at least one if there is any, then up to so many events."""
        with self._lock, failures(self._path):
            rows = self._db.execute("SELECT id, events FROM parcel ORDER BY id LIMIT 32").fetchall()
            chosen: list[int] = []
            for number, count in rows:
                if chosen and events < count:
                    break
                events -= count
                chosen.append(number)
            fresh = {number: self._fresh.pop(number, None) for number in chosen}
            ask = "SELECT id, at, upto, CASE WHEN ? THEN NULL ELSE body END FROM parcel WHERE id = ?"
            found = [self._db.execute(ask, (fresh[number] is not None, number)).fetchone() for number in chosen]
        return [Parcel(number, at, upto, fresh[number] or _unpack(body)) for number, at, upto, body in found]

    def done(self, parcels: Sequence[Parcel], now: int, sums: Sequence[Summed] = ()) -> None:
        """Let go of parcels that the cluster has, and add what they were to the sums of their hours."""
        with self._lock, failures(self._path), transaction(self._db):
            for one in sums:
                self._add(one, now)
            for parcel in parcels:
                self._db.execute("DELETE FROM waiting WHERE parcel = ?", (parcel.id,))
                self._db.execute("DELETE FROM parcel WHERE id = ?", (parcel.id,))
            self._db.execute("UPDATE standing SET failing_since = NULL, reason = '', shipped_at = ?", (now,))
        with self._lock, failures(self._path):
            self._db.executescript("PRAGMA incremental_vacuum(1000)")

    def _add(self, one: Summed, now: int) -> None:
        before = self._db.execute(
            "SELECT events, sum FROM hour WHERE name = ? AND hour = ?", (one.index, one.hour)
        ).fetchone()
        whole = replace(one, events=one.events + before[0], sum=added(one.sum, before[1])) if before else one
        row = (whole.index, whole.hour, whole.events, whole.sum, whole.digest, now)
        self._db.execute("INSERT OR REPLACE INTO hour VALUES (?, ?, ?, ?, ?, ?)", row)
        # A number that only grows: the evidence chain reads on from it, whatever the clock does.
        self._db.execute("INSERT OR REPLACE INTO changed (name, hour) VALUES (?, ?)", (whole.index, whole.hour))

    def mean(self, times: Mapping[str, int]) -> None:
        """Write down events, by id and time, that a copy is about to write past the spool and that are not there."""
        with self._lock, failures(self._path), transaction(self._db):
            rows = [(bytes.fromhex(name), at) for name, at in times.items()]
            self._db.executemany("INSERT OR REPLACE INTO meant VALUES (?, ?)", rows)

    def meant(self) -> dict[str, int]:
        """Return ids and times of events that a copy was about to write and has not settled."""
        with self._lock, failures(self._path):
            return {name.hex(): at for name, at in self._db.execute("SELECT id, time FROM meant")}

    def settle(self, sums: Sequence[Summed], now: int) -> None:
        """Add what a copy wrote to the sums of their hours, and forget what it meant to write."""
        with self._lock, failures(self._path), transaction(self._db):
            for one in sums:
                self._add(one, now)
            self._db.execute("DELETE FROM meant")

    def failed(self, reason: str, now: int) -> None:
        """Remember what keeps the parcels, and since when."""
        with self._lock, failures(self._path), transaction(self._db):
            self._db.execute(
                "UPDATE standing SET failing_since = coalesce(failing_since, ?), reason = ?", (now, reason[:500])
            )

    def standing(self) -> Standing:
        """Return how things stand."""
        with self._lock, failures(self._path):
            ask = "SELECT coalesce(sum(events), 0), coalesce(sum(bytes), 0), min(at) FROM parcel"
            events, size, oldest = self._db.execute(ask).fetchone()
            since, reason, shipped = self._db.execute(
                "SELECT failing_since, reason, shipped_at FROM standing"
            ).fetchone()
        return Standing(events, size, oldest, since, reason, shipped)

    def results(self, seqs: Sequence[int]) -> dict[int, BatchResult]:
        """Return those results that are there."""
        with self._lock, failures(self._path):
            rows = [self._db.execute("SELECT * FROM result WHERE seq = ?", (seq,)).fetchone() for seq in seqs]
        return {row[0]: BatchResult(*row) for row in rows if row}

    def forget_results(self, below: int) -> int:
        """Forget results of batches below a journal seq, within a bound; return how many."""
        return results.in_rounds(lambda: self._forget_results(below))

    def _forget_results(self, below: int) -> int:
        with self._lock, failures(self._path), transaction(self._db):
            return self._db.execute(results.FORGET, (below, results.AT_ONCE)).rowcount

    def mean_deletion(self, one: Deleted) -> None:
        """Write down that retention is about to delete an index."""
        with self._lock, failures(self._path), transaction(self._db):
            self._db.execute("INSERT OR REPLACE INTO deleting VALUES (?, ?, ?, ?, ?, ?)", _row(one))

    def deleting(self) -> list[Deleted]:
        """Return what retention was about to delete and has not settled."""
        with self._lock, failures(self._path):
            return [Deleted(*row) for row in self._db.execute("SELECT * FROM deleting ORDER BY at, day, name")]

    def withdraw(self, names: Sequence[str]) -> None:
        """Forget that retention was about to delete indices: they are there, and no longer due."""
        with self._lock, failures(self._path), transaction(self._db):
            self._db.executemany("DELETE FROM deleting WHERE name = ?", [(name,) for name in names])

    def note_deletions(self, deleted: Sequence[Deleted]) -> None:
        """Write down what retention deleted."""
        names = [(one.name,) for one in deleted]
        with self._lock, failures(self._path), transaction(self._db):
            self._db.executemany("INSERT INTO deletion VALUES (?, ?, ?, ?, ?, ?)", map(_row, deleted))
            self._db.executemany("DELETE FROM hour WHERE name = ?", names)
            self._db.executemany("DELETE FROM deleting WHERE name = ?", names)

    def deletions(self) -> list[Deleted]:
        """Return what retention deleted so far, oldest first."""
        with self._lock, failures(self._path):
            return [Deleted(*row) for row in self._db.execute("SELECT * FROM deletion ORDER BY at, day, name")]


def _row(one: Deleted) -> tuple[int, str, int, str, int, int]:
    return one.at, one.reason, one.day, one.name, one.events, one.bytes


def _parts(items: Sequence[Item]) -> Iterator[list[Item]]:
    part: list[Item] = []
    size = 0
    for item in items:
        if part and (len(part) >= PARCEL_EVENTS or size + len(item.body) > PARCEL_BYTES):
            yield part
            part, size = [], 0
        part.append(item)
        size += len(item.body)
    if part:
        yield part


def _pack(items: Sequence[Item]) -> bytes:
    lines = [b"%s %s %d %s" % (item.index.encode(), item.id.encode(), item.time, item.body) for item in items]
    return zstandard.compress(b"\n".join(lines), _LEVEL)


def _unpack(body: bytes) -> list[Item]:
    # JSON has no raw newlines, and the names of indices no spaces.
    lines = (line.split(b" ", 3) for line in zstandard.decompress(body).split(b"\n"))
    return [Item(index.decode(), name.decode(), int(time), rest) for index, name, time, rest in lines]


def waiting(spool: Spool) -> Waiting:
    """Return what waits for the cluster; answers while the cluster is away."""
    told = spool.standing()
    return Waiting(told.events, told.bytes, spool.max_bytes, told.oldest_at, told.failing_since, told.reason)

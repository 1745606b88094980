"""What waits to be sent: a SQLite file whose rows leave only after the box has acknowledged them.

A batch is fixed before it is first sent: its key and its range of rows are on disk, so that whatever happens the same
key always names the same records. Sources' bookmarks are written in the transaction of the records before them.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from agent.wire.chain import FIRST, NOTHING, Claim, parse_claim
from agent.wire.envelope import encode_record
from agent.wire.event import ID, TIMESTAMP, Record, event_id
from agent.wire.limits import MAX_RECORD
from agent.wire.sending.files import free_bytes
from agent.wire.sending.sensor import ALERTING, LEAST, USUAL, Bookmark, Gap

MAX_BYTES = 256 << 20
"""Default bound of the records on disk."""
KEEP_FREE = 200 << 20
"""Default bytes that the agent leaves free on the disk."""
_ROW_COST = 64
_CHAIN = "chain"
_FREE_PAGES = 1024
"""Pages that an emptied spool keeps for the next rows."""
_PAGES_A_ROUND = 8192
"""Pages that are given back at once, which bounds the time that nothing else can be kept."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS records(seq INTEGER PRIMARY KEY AUTOINCREMENT, priority INTEGER NOT NULL,
    body BLOB NOT NULL);
DROP INDEX IF EXISTS by_priority;
CREATE INDEX IF NOT EXISTS less_important ON records(seq) WHERE priority = 2;
CREATE INDEX IF NOT EXISTS less_important_3 ON records(seq) WHERE priority = 3;
CREATE TABLE IF NOT EXISTS batch(one INTEGER PRIMARY KEY CHECK (one = 1), key TEXT NOT NULL, first INTEGER NOT NULL,
    last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS state(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS losses(cause TEXT NOT NULL, priority INTEGER NOT NULL, count INTEGER NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (cause, priority)) WITHOUT ROWID;
"""
_TAKEN_OVER = """
BEGIN IMMEDIATE;
INSERT OR IGNORE INTO losses SELECT cause, 0, count, first, last FROM gaps;
DROP TABLE gaps;
COMMIT;
"""
"""What an older spool noted, before losses had priorities."""
_AT = re.compile(rb'"@timestamp":(\d{1,18})[,}]')


DROPPED_FIRST = (
    "SELECT seq, body FROM records WHERE priority = 3 AND seq > ? ORDER BY seq",
    "SELECT seq, body FROM records WHERE priority = 2 AND seq > ? ORDER BY seq",
    "SELECT seq, body FROM records WHERE priority = 1 AND seq > ? ORDER BY seq",
)
"""How the rows are found that go when the bound is reached, in this order."""


class SpoolFull(Exception):
    """The disk takes no more; nothing of the transaction was kept."""

    @property
    def no_room(self) -> bool:
        """Whether room is what it lacks (SQLITE_FULL says so in its text), and not a whole disk or a right."""
        return "full" in str(self)


class Spooled(NamedTuple):
    """One encoded record, its place in the order of dropping (higher goes first), and its time (µs, 0 unknown)."""

    body: bytes
    priority: int
    at: int


def spooled(record: Record, priority: int) -> Spooled:
    """Encode a record, to a fifth of its memory; raises TypeError or ValueError for what JSON cannot hold."""
    return Spooled(encode_record(record), priority, _time_of(record))


class Outgoing(NamedTuple):
    """A fixed batch."""

    key: str
    first: int
    last: int
    lines: list[bytes]
    claim: Claim
    """What stands before it in the chain of batches."""


class Spool:
    """The spool's file; every method may be called from any thread."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, keep_free: int = KEEP_FREE) -> None:
        """Open or make the file; raises sqlite3.Error when it cannot be used."""
        self._path = path
        self._max_bytes = max_bytes
        self._keep_free = keep_free
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=32)
        try:
            self._prepare(path)
        except sqlite3.Error:
            self._db.close()  # an open file could not be set aside on Windows
            raise
        self.name = self.state("spool") or self._first_name()

    def _prepare(self, path: Path) -> None:
        path.chmod(0o600)
        for pragma in ("auto_vacuum=INCREMENTAL", "journal_mode=WAL", "synchronous=FULL", "cache_size=-256",
                       "journal_size_limit=4194304", "temp_store=MEMORY", "busy_timeout=2000"):  # fmt: skip
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(_SCHEMA)
        if self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'gaps'").fetchone():
            self._db.executescript(_TAKEN_OVER)
        self._rows = self._bytes = 0
        self._recount()
        self.has_gaps = True
        """Whether losses may be noted."""

    def _recount(self) -> None:
        query = "SELECT count(*), coalesce(sum(length(body)), 0) + count(*) * ? FROM records"
        self._rows, self._bytes = self._db.execute(query, (_ROW_COST,)).fetchone()

    def _first_name(self) -> str:
        name = os.urandom(8).hex()
        self.set_state("spool", name)
        return name

    def add(self, records: Sequence[Spooled], bookmarks: Iterable[Bookmark] = (), gaps: Iterable[Gap] = ()) -> None:
        """Keep records, bookmarks and losses in one transaction, on disk when this returns; raises SpoolFull.

        When the bound is reached, the oldest of the least important rows go and are counted as a loss.
        """
        fitting = [(item.priority, item.body) for item in records if len(item.body) <= MAX_RECORD]
        size = sum(len(body) + _ROW_COST for _, body in fitting)
        with self._lock, self._transaction():
            gone_rows, gone_bytes = self._make_room(size)
            self._db.executemany("INSERT INTO records(priority, body) VALUES (?, ?)", fitting)
            for bookmark in bookmarks:
                self._set(f"at:{bookmark.name}", bookmark.value)
            for gap in gaps:
                self._add_gap(gap)
            if len(fitting) < len(records):
                large = [item.at for item in records if len(item.body) > MAX_RECORD]
                self._add_gap(Gap("record_too_large", len(large), min(large), max(large)))
            self._rows += len(fitting) - gone_rows
            self._bytes += size - gone_bytes

    def batch(self, boot_id: str, max_records: int, max_bytes: int, after: int = 0) -> Outgoing | None:
        """Return the batch that is under way, or fix the next one; None when nothing waits.

        A new batch is made of rows whose number is above `after`.
        """
        if not self._rows:
            return None
        with self._transaction():
            row = self._db.execute("SELECT key, first, last FROM batch").fetchone()
            if row is None:
                return self._fix(boot_id, max_records, max_bytes, after)
            key, first, last = row
            found = self._db.execute("SELECT body FROM records WHERE seq BETWEEN ? AND ? ORDER BY seq", (first, last))
            return Outgoing(key, first, last, [body for (body,) in found], self._claim())

    def acknowledged(self, batch: Outgoing) -> None:
        """Forget a batch's rows, which the box has on its disk; the batch is then a link of the chain."""
        self._drop(batch, None, batch.claim.after(batch.key, batch.lines))

    def refused(self, batch: Outgoing, now: int) -> None:
        """Forget a batch's rows that the box will never take, and count them as a loss."""
        self._drop(batch, Gap("refused_by_box", len(batch.lines), now, now))

    def split(self, batch: Outgoing, boot_id: str) -> None:
        """Fix the first half of a refused batch in its place, so that only the refused record is lost in the end."""
        with self._transaction():
            query = "SELECT seq FROM records WHERE seq BETWEEN ? AND ? ORDER BY seq"
            seqs = [seq for (seq,) in self._db.execute(query, (batch.first, batch.last))]
            self._db.execute("DELETE FROM batch")
            self._name_batch(boot_id, batch.first, seqs[(len(seqs) - 1) // 2])

    def gaps(self) -> list[Gap]:
        """Return the losses noted so far; `gaps_to_records` forgets them."""
        with self._lock:
            query = "SELECT cause, count, first, last, priority FROM losses ORDER BY cause, priority"
            found = self._db.execute(query).fetchall()
            self.has_gaps = bool(found)
        return [Gap(*row) for row in found]

    def gaps_to_records(self, events: Sequence[tuple[Gap, Record]]) -> None:
        """Put the events of noted losses among the records and forget the notes, in one transaction."""
        if not events:
            return
        for gap, record in events:
            record[ID] = event_id(self.name, "gap", *gap)
        with self._transaction():
            self._db.executemany("DELETE FROM losses WHERE cause = ? AND priority = ? AND count = ? AND last = ?",
                                 [(gap.cause, gap.priority, gap.lost, gap.last) for gap, _ in events])  # fmt: skip
            self.add([spooled(record, 0) for _, record in events])

    def bookmarks(self) -> Mapping[str, str]:
        """Return all sources' bookmarks."""
        with self._lock:
            found = self._db.execute("SELECT substr(name, 4), value FROM state WHERE name LIKE 'at:%'").fetchall()
        return dict(found)

    def state(self, name: str) -> str | None:
        """Return a small value that was kept."""
        with self._lock:
            row = self._db.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_state(self, name: str, value: str) -> None:
        """Keep a small value; raises SpoolFull."""
        with self._transaction():
            self._set(name, value)

    def began_damaged(self, now: int) -> None:
        """Note that this new spool stands for a damaged one: as a loss, and to the box with the first batch."""
        with self._transaction():
            self._add_gap(Gap("spool_damaged", 0, now, now))
            self._set(_CHAIN, Claim(0, NOTHING, damaged=True).text)

    def tidy(self, now: int) -> None:
        """Give the disk back what many sent rows have left free, and note that the agent lives; raises SpoolFull."""
        self.set_state("alive", str(now))
        with self._lock, contextlib.suppress(sqlite3.OperationalError):
            (free,) = self._db.execute("PRAGMA freelist_count").fetchone()
            if free > _FREE_PAGES:  # as a script, for `execute` takes one step of a pragma, which frees one page
                self._db.executescript(f"PRAGMA incremental_vacuum({min(free - _FREE_PAGES, _PAGES_A_ROUND)})")

    @property
    def depth(self) -> int:
        """How many records wait."""
        return int(self._rows)

    @property
    def size(self) -> int:
        """How many bytes wait, with what SQLite adds for a row."""
        return int(self._bytes)

    @property
    def newest(self) -> int:
        """The number of the newest row; later rows have higher ones."""
        with self._lock:
            row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'records'").fetchone()
        return int(row[0]) if row else 0

    @property
    def share(self) -> float:
        """How much of the room for records is used, 0 to 1; a disk without room counts as full."""
        bound = self._bound()
        return min(1.0, self._bytes / bound) if bound > 0 else 1.0

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            if self._db.in_transaction:
                yield
                return
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except BaseException as error:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                with contextlib.suppress(sqlite3.Error):
                    self._recount()
                if isinstance(error, sqlite3.OperationalError):
                    raise SpoolFull(str(error)) from error
                raise

    def _set(self, name: str, value: str) -> None:
        self._db.execute(
            "INSERT INTO state VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value", (name, value)
        )

    def _bound(self) -> int:
        room = free_bytes(self._path.parent) - self._keep_free
        return min(self._max_bytes, self._bytes + max(0, room))

    def _make_room(self, wanted: int) -> tuple[int, int]:
        excess = self._bytes + wanted - self._bound()
        if excess <= 0:
            return 0, 0
        rows = freed = 0
        first, last = self._db.execute("SELECT first, last FROM batch").fetchone() or (0, 0)
        for priority, query in zip((LEAST, USUAL, ALERTING), DROPPED_FIRST, strict=True):
            victims: list[tuple[int, bytes]] = []
            for seq, body in self._db.execute(query, (0,)):
                if freed >= excess:
                    break
                if not first <= seq <= last:  # what is under way stays
                    victims.append((seq, body))
                    freed += len(body) + _ROW_COST
            self._drop_victims(victims, priority)
            rows += len(victims)
        return rows, freed

    def _drop_victims(self, victims: Sequence[tuple[int, bytes]], priority: int) -> None:
        self._db.executemany("DELETE FROM records WHERE seq = ?", [(seq,) for seq, _ in victims])
        if victims:
            moments = [_time_in(body) for _, body in victims]
            self._add_gap(Gap("spool_full", len(victims), min(moments), max(moments), priority))

    def _add_gap(self, gap: Gap) -> None:
        self._db.execute(
            "INSERT INTO losses VALUES (?, ?, ?, ?, ?) ON CONFLICT(cause, priority) DO UPDATE SET"
            " count = count + excluded.count, first = min(first, excluded.first), last = max(last, excluded.last)",
            (gap.cause, gap.priority, gap.lost, gap.first, gap.last),
        )
        self.has_gaps = True

    def _fix(self, boot_id: str, max_records: int, max_bytes: int, after: int) -> Outgoing | None:
        first = last = size = 0
        lines: list[bytes] = []
        query = "SELECT seq, body FROM records WHERE seq > ? ORDER BY seq LIMIT ?"
        for seq, body in self._db.execute(query, (after, max_records)):
            size += len(body) + 1
            if lines and size > max_bytes:
                break
            first, last = first or seq, seq
            lines.append(body)
        if not lines:
            return None
        return Outgoing(self._name_batch(boot_id, first, last), first, last, lines, self._claim())

    def _claim(self) -> Claim:
        return parse_claim(self.state(_CHAIN)) or FIRST

    def _name_batch(self, boot_id: str, first: int, last: int) -> str:
        """Fix a batch: the spool's name keeps keys apart from an older spool's, the boot's from a cloned machine's."""
        number = int(self.state("batches") or 0) + 1
        self._set("batches", str(number))
        key = f"{boot_id}:{self.name}:{number}"
        self._db.execute("INSERT INTO batch VALUES (1, ?, ?, ?)", (key, first, last))
        return key

    def _drop(self, batch: Outgoing, gap: Gap | None, claim: Claim | None = None) -> None:
        with self._transaction():
            if claim is not None:
                self._set(_CHAIN, claim.text)
            self._db.execute("DELETE FROM records WHERE seq BETWEEN ? AND ?", (batch.first, batch.last))
            self._db.execute("DELETE FROM batch WHERE key = ?", (batch.key,))
            if gap is not None:
                self._add_gap(gap)
        with self._lock:
            self._rows -= len(batch.lines)
            self._bytes -= sum(len(line) + _ROW_COST for line in batch.lines)


def _time_in(body: bytes) -> int:
    """Return the time of an encoded record, 0 when it has none."""
    found = _AT.search(body)
    return int(found[1]) if found else 0


def _time_of(record: Record) -> int:
    moment = record.get(TIMESTAMP)
    return moment if isinstance(moment, int) else 0

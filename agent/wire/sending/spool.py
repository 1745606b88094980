"""What waits to be sent: a SQLite file whose rows leave only after the box has acknowledged them.

A batch is fixed before it is first sent: its key and its range of rows are on disk, so that whatever happens the same
key always names the same records. Sources' bookmarks are written in the transaction of the records before them.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from agent.wire.chain import FIRST, NOTHING, Claim, parse_claim
from agent.wire.envelope import encode_record
from agent.wire.event import ID, TIMESTAMP, Record, event_id
from agent.wire.limits import MAX_RECORD
from agent.wire.sending.files import free_bytes
from agent.wire.sending.rescue import Wreck
from agent.wire.sending.sensor import ALERTING, LEAST, USUAL, Bookmark, Gap
from agent.wire.sending.spoolfile import SpoolFile, SpoolFull, time_in, twice

LOG = logging.getLogger(__name__)
MAX_BYTES = 256 << 20
"""Default bound of the records on disk."""
KEEP_FREE = 200 << 20
"""Default bytes that the agent leaves free on the disk."""
_ROW_COST = 64
_CHAIN, _NAME, _NUMBER = "chain", "spool", "batches"
_OF_ONE_FILE = frozenset({_CHAIN, _NAME, _NUMBER})
"""Small values that a new file must not take over from a damaged one."""
_RESCUE = 30.0
"""Seconds at most for which records are saved from a damaged spool, while nothing else is kept; a full one takes 17."""
_FREE_PAGES = 1024
"""Pages that an emptied spool keeps for the next rows."""
_PAGES_A_ROUND = 8192
"""Pages that are given back at once, which bounds the time that nothing else can be kept."""
DROPPED_FIRST = (
    "SELECT seq, body FROM records WHERE priority = 3 AND seq > ? ORDER BY seq",
    "SELECT seq, body FROM records WHERE priority = 2 AND seq > ? ORDER BY seq",
    "SELECT seq, body FROM records WHERE priority = 1 AND seq > ? ORDER BY seq",
)
"""How the rows are found that go when the bound is reached, in this order."""


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
        """Open or make the file; a damaged one is set aside. Raises SpoolFull when it cannot be used."""
        self._path = path
        self._max_bytes = max_bytes
        self._keep_free = keep_free
        self._rows = self._bytes = 0
        self._file = SpoolFile(path, self._opened, self._take_over)
        self._file.open()

    def _opened(self) -> None:
        self._recount()
        self.has_gaps = True
        """Whether losses may be noted."""
        self.name = self.state(_NAME) or self._first_name()

    def _take_over(self, aside: Path) -> None:
        """Keep what can still be read of a damaged spool, and note the loss; to the box it comes with the first batch.

        Records that the box has taken may be among them; it knows them by their ids.
        """
        now = time.time_ns() // 1000
        with self._transaction():
            self._add_gap(Gap("spool_damaged", 0, now, now))
            self._set(_CHAIN, Claim(0, NOTHING, damaged=True).text)
        self._file.told()
        try:
            saved = self._save(Wreck(aside))
        except (SpoolFull, sqlite3.Error) as error:
            LOG.error("spool_not_saved error=%s", error)  # noqa: TRY400 (the reason is in the line)
        else:
            LOG.warning("spool_begun_anew saved=%d", saved)

    def _save(self, wreck: Wreck) -> int:
        with contextlib.closing(wreck):
            with self._transaction():
                for name, value in wreck.values().items():
                    if name not in _OF_ONE_FILE:
                        self._set(name, value)
                for gap in wreck.losses():
                    self._add_gap(gap)
            saved, until = 0, time.monotonic() + _RESCUE
            for rows in wreck.records():
                self._add([Spooled(row.body, row.priority, time_in(row.body)) for row in rows], (), ())
                saved += len(rows)
                if time.monotonic() > until:
                    break
        return saved

    def _recount(self) -> None:
        query = "SELECT count(*), coalesce(sum(length(body)), 0) + count(*) * ? FROM records"
        ((self._rows, self._bytes),) = self._file.found(query, _ROW_COST)

    def _first_name(self) -> str:
        name = os.urandom(8).hex()
        self.set_state(_NAME, name)
        return name

    def add(self, records: Sequence[Spooled], bookmarks: Iterable[Bookmark] = (), gaps: Iterable[Gap] = ()) -> None:
        """Keep records, bookmarks and losses in one transaction, on disk when this returns; raises SpoolFull.

        When the bound is reached, the oldest of the least important rows go and are counted as a loss.
        """
        bookmarks, gaps = list(bookmarks), list(gaps)
        twice(lambda: self._add(records, bookmarks, gaps))

    def _add(self, records: Sequence[Spooled], bookmarks: Iterable[Bookmark], gaps: Iterable[Gap]) -> None:
        fitting = [(item.priority, item.body) for item in records if len(item.body) <= MAX_RECORD]
        size = sum(len(body) + _ROW_COST for _, body in fitting)
        with self._file.lock, self._transaction():
            gone_rows, gone_bytes = self._make_room(size)
            self._file.db.executemany("INSERT INTO records(priority, body) VALUES (?, ?)", fitting)
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
            row = self._file.db.execute("SELECT key, first, last FROM batch").fetchone()
            if row is None:
                return self._fix(boot_id, max_records, max_bytes, after)
            found = self._file.db.execute("SELECT body FROM records WHERE seq BETWEEN ? AND ? ORDER BY seq", row[1:])
            lines = [body for (body,) in found]
            if not (lines and all(isinstance(line, bytes) for line in lines)):
                raise sqlite3.DatabaseError("malformed: the batch under way")
            return Outgoing(row[0], row[1], row[2], lines, self._claim())

    def acknowledged(self, batch: Outgoing) -> None:
        """Forget a batch's rows, which the box has on its disk; the batch is then a link of the chain."""
        self._drop(batch, None, batch.claim.after(batch.key, batch.lines))

    def refused(self, batch: Outgoing, now: int) -> None:
        """Forget a batch's rows that the box will never take, and count them as a loss."""
        self._drop(batch, Gap("refused_by_box", len(batch.lines), now, now))

    def split(self, batch: Outgoing, boot_id: str) -> None:
        """Fix the first half of a refused batch in its place, so that only the refused record is lost in the end."""
        with self._transaction():
            if not self._is_ours(batch):
                return
            query = "SELECT seq FROM records WHERE seq BETWEEN ? AND ? ORDER BY seq"
            seqs = [seq for (seq,) in self._file.db.execute(query, (batch.first, batch.last))]
            self._file.db.execute("DELETE FROM batch")
            self._name_batch(boot_id, batch.first, seqs[(len(seqs) - 1) // 2])

    def revise(self, after: int, most: int, judged: Callable[[bytes], bytes | None]) -> int:
        """Put what is `judged` of the next rows in their place, None for nothing; return the last number, 0 at the end.

        A batch under way stays as it is. A row of which nothing can be judged (ValueError) goes, as a loss.
        """
        with self._transaction():
            first, last = self._file.db.execute("SELECT first, last FROM batch").fetchone() or (0, 0)
            query = "SELECT seq, body FROM records WHERE seq > ? ORDER BY seq LIMIT ?"
            rows: list[tuple[int, bytes]] = self._file.db.execute(query, (after, most)).fetchall()
            for seq, body in rows:
                if not first <= seq <= last:
                    self._replace(seq, body, judged)
        return rows[-1][0] if rows else 0

    def _replace(self, seq: int, body: bytes, judged: Callable[[bytes], bytes | None]) -> None:
        try:
            kept = judged(body)
        except ValueError:
            kept, moment = None, time_in(body)
            self._add_gap(Gap("spool_damaged", 1, moment, moment))
        if kept is None:
            self._file.db.execute("DELETE FROM records WHERE seq = ?", (seq,))
            self._rows -= 1
            self._bytes -= len(body) + _ROW_COST
        elif kept != body:
            self._file.db.execute("UPDATE records SET body = ? WHERE seq = ?", (kept, seq))
            self._bytes += len(kept) - len(body)

    def gaps(self) -> list[Gap]:
        """Return the losses noted so far; `gaps_to_records` forgets them."""
        with self._file.lock:
            found = self._file.found("SELECT cause, count, first, last, priority FROM losses ORDER BY cause, priority")
            self.has_gaps = bool(found)
        return [Gap(*row) for row in found]

    def gaps_to_records(self, events: Sequence[tuple[Gap, Record]]) -> None:
        """Put the events of noted losses among the records and forget the notes, in one transaction."""
        if not events:
            return
        for gap, record in events:
            record[ID] = event_id(self.name, "gap", *gap)
        with self._transaction():
            self._file.db.executemany("DELETE FROM losses WHERE cause = ? AND priority = ? AND count = ? AND last = ?",
                                 [(gap.cause, gap.priority, gap.lost, gap.last) for gap, _ in events])  # fmt: skip
            self.add([spooled(record, 0) for _, record in events])

    def bookmarks(self) -> Mapping[str, str]:
        """Return all sources' bookmarks."""
        return dict(self._file.found("SELECT substr(name, 4), value FROM state WHERE name LIKE 'at:%'"))

    def state(self, name: str) -> str | None:
        """Return a small value that was kept."""
        found = self._file.found("SELECT value FROM state WHERE name = ?", name)
        return found[0][0] if found else None

    def number(self, name: str) -> int:
        """Return a small value that is a number, 0 for none."""
        text = self.state(name) or "0"
        return int(text) if text.isascii() and text.isdigit() else 0

    def set_state(self, name: str, value: str) -> None:
        """Keep a small value; raises SpoolFull."""

        def keep() -> None:
            with self._transaction():
                self._set(name, value)

        twice(keep)

    def tidy(self, now: int) -> None:
        """Give the disk back what many sent rows have left free, and note that the agent lives; raises SpoolFull."""
        self.set_state("alive", str(now))
        with contextlib.suppress(SpoolFull), self._file.reading():
            (free,) = self._file.db.execute("PRAGMA freelist_count").fetchone()
            if free > _FREE_PAGES:  # as a script, for `execute` takes one step of a pragma, which frees one page
                self._file.db.executescript(f"PRAGMA incremental_vacuum({min(free - _FREE_PAGES, _PAGES_A_ROUND)})")

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
        found = self._file.found("SELECT seq FROM sqlite_sequence WHERE name = 'records'")
        return int(found[0][0]) if found else 0

    @property
    def share(self) -> float:
        """How much of the room for records is used, 0 to 1; a disk without room counts as full."""
        bound = self._bound()
        return min(1.0, self._bytes / bound) if bound > 0 else 1.0

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._file.lock:
            inner = self._file.in_transaction
            try:
                with self._file.transaction():
                    yield
            except BaseException:
                if not inner:
                    with contextlib.suppress(SpoolFull):
                        self._recount()
                raise

    def _set(self, name: str, value: str) -> None:
        self._file.db.execute(
            "INSERT INTO state VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value", (name, value)
        )

    def _bound(self) -> int:
        with contextlib.suppress(OSError):  # a folder that is gone for a while; its open file tells what it takes
            return min(self._max_bytes, self._bytes + max(0, free_bytes(self._path.parent) - self._keep_free))
        return self._max_bytes

    def _make_room(self, wanted: int) -> tuple[int, int]:
        excess = self._bytes + wanted - self._bound()
        if excess <= 0:
            return 0, 0
        rows = freed = 0
        first, last = self._file.db.execute("SELECT first, last FROM batch").fetchone() or (0, 0)
        for priority, query in zip((LEAST, USUAL, ALERTING), DROPPED_FIRST):
            victims: list[tuple[int, bytes]] = []
            for seq, body in self._file.db.execute(query, (0,)):
                if freed >= excess:
                    break
                if not first <= seq <= last:  # what is under way stays
                    victims.append((seq, body))
                    freed += len(body) + _ROW_COST
            self._drop_victims(victims, priority)
            rows += len(victims)
        return rows, freed

    def _drop_victims(self, victims: Sequence[tuple[int, bytes]], priority: int) -> None:
        self._file.db.executemany("DELETE FROM records WHERE seq = ?", [(seq,) for seq, _ in victims])
        if victims:
            moments = [time_in(body) for _, body in victims]
            self._add_gap(Gap("spool_full", len(victims), min(moments), max(moments), priority))

    def _add_gap(self, gap: Gap) -> None:
        self._file.db.execute(
            "INSERT INTO losses VALUES (?, ?, ?, ?, ?) ON CONFLICT(cause, priority) DO UPDATE SET"
            " count = count + excluded.count, first = min(first, excluded.first), last = max(last, excluded.last)",
            (gap.cause, gap.priority, gap.lost, gap.first, gap.last),
        )
        self.has_gaps = True

    def _fix(self, boot_id: str, max_records: int, max_bytes: int, after: int) -> Outgoing | None:
        first = last = size = 0
        lines: list[bytes] = []
        query = "SELECT seq, body FROM records WHERE seq > ? ORDER BY seq LIMIT ?"
        for seq, body in self._file.db.execute(query, (after, max_records)):
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
        known = self.state(_NUMBER) or "0"
        if not known.isdigit():  # a number that comes again would name other records
            raise sqlite3.DatabaseError("malformed: the number of batches")
        number = int(known) + 1
        self._set(_NUMBER, str(number))
        key = f"{boot_id}:{self.name}:{number}"
        self._file.db.execute("INSERT INTO batch VALUES (1, ?, ?, ?)", (key, first, last))
        return key

    def _is_ours(self, batch: Outgoing) -> bool:
        """Say whether a batch is of this file, and not of a damaged one in whose place it came meanwhile."""
        return batch.key.rpartition(":")[0].endswith(f":{self.name}")

    def _drop(self, batch: Outgoing, gap: Gap | None, claim: Claim | None = None) -> None:
        with self._transaction():
            if not self._is_ours(batch):
                return
            if claim is not None:
                self._set(_CHAIN, claim.text)
            self._file.db.execute("DELETE FROM records WHERE seq BETWEEN ? AND ?", (batch.first, batch.last))
            self._file.db.execute("DELETE FROM batch WHERE key = ?", (batch.key,))
            if gap is not None:
                self._add_gap(gap)
            self._rows -= len(batch.lines)
            self._bytes -= sum(len(line) + _ROW_COST for line in batch.lines)


def _time_of(record: Record) -> int:
    moment = record.get(TIMESTAMP)
    return moment if isinstance(moment, int) else 0

"""The manifest: which segments there are, what was applied, what was deleted. SQLite, one transaction a change."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.store import names, results
from appliance.store.missing import Damaged, Harm
from appliance.store.model import BatchResult, DayUsage, Run, Stats, StoreUnavailable, Usage

FILE = "manifest.db"
MAX_REST_NAMES = 400
"""Names kept for a segment; with more, the segment counts as having any name in `rest`."""
MAX_ROWS = 250_000
MAX_RAW = 64 << 20
"""Rows and bytes in memory of one merged segment: the bound of a merge's memory (about twice this)."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS segment (
  id INTEGER PRIMARY KEY, file TEXT NOT NULL UNIQUE, day INTEGER NOT NULL, late INTEGER NOT NULL, rows INTEGER NOT NULL,
  bytes INTEGER NOT NULL, raw INTEGER NOT NULL, min_time INTEGER NOT NULL, max_time INTEGER NOT NULL,
  columns TEXT NOT NULL, rest TEXT, retired INTEGER, events TEXT,
  sha256 TEXT, class TEXT NOT NULL DEFAULT '', damaged INTEGER, harm TEXT, detail TEXT) STRICT;
CREATE TABLE IF NOT EXISTS result (
  seq INTEGER PRIMARY KEY, source TEXT NOT NULL, read INTEGER NOT NULL, stored INTEGER NOT NULL,
  known INTEGER NOT NULL, dead INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS applied (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS deletion (
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, reason TEXT NOT NULL, day INTEGER NOT NULL, segments INTEGER NOT NULL,
  rows INTEGER NOT NULL, bytes INTEGER NOT NULL, min_time INTEGER NOT NULL, max_time INTEGER NOT NULL,
  files TEXT, class TEXT NOT NULL DEFAULT '') STRICT;
CREATE TABLE IF NOT EXISTS run (name TEXT PRIMARY KEY, at INTEGER NOT NULL, told TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS merge (
  file TEXT PRIMARY KEY, at INTEGER NOT NULL, olds TEXT NOT NULL, members BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS last (one INTEGER PRIMARY KEY CHECK (one = 1), id INTEGER NOT NULL) STRICT;
"""
_CLASS = "TEXT NOT NULL DEFAULT ''"
_LATER = {
    "segment": {
        "events": "TEXT",
        "sha256": "TEXT",
        "class": _CLASS,
        "damaged": "INTEGER",
        "harm": "TEXT",
        "detail": "TEXT",
    },
    "deletion": {"files": "TEXT", "class": _CLASS},
}
"""Columns that tables of an older version lack."""
_MARKS = ",".join("?" * 14)
IN_FORCE = "retired IS NULL AND damaged IS NULL"
"""What segments have in common that answer questions."""
_ASIDE = "retired IS NULL AND damaged IS NOT NULL"
_COLUMNS = "id, file, day, late, rows, bytes, raw, min_time, max_time, columns, rest, events, sha256, class"


@dataclass(frozen=True, slots=True)
class Segment:
    """One Parquet file. `day` = day of arrival since 1970; `late` = events that did not happen near that day.

    `raw` = bytes in memory. `rest` = names that occur in the column `rest`, None = too many to tell.
    """

    id: int
    file: str
    day: int
    late: bool
    rows: int
    bytes: int
    raw: int
    min_time: int
    max_time: int
    columns: tuple[str, ...]
    rest: frozenset[str] | None
    events: str | None = None
    """The digest of its events (appliance/store/digest.py), None until it is worked out."""
    sha256: str | None = None
    """The digest of its file as it was written."""
    source_class: str = ""
    """The class of its events; "" = of several, written before there were classes."""

    @property
    def span(self) -> tuple[int, int]:
        """The times of its first and last event."""
        return self.min_time, self.max_time


@dataclass(frozen=True, slots=True)
class Merge:
    """What a merged segment was made of: the files, and for each of its rows which of them it came from.

    `members` are little-endian numbers of 16 bits, counted from 1, deflated.
    """

    olds: tuple[str, ...]
    members: bytes


@dataclass(frozen=True, slots=True)
class Deletion:
    """A deletion by retention, one day of arrival and one class at a time. `files` are those that went."""

    at: int
    reason: str
    day: int
    segments: int
    rows: int
    bytes: int
    min_time: int
    max_time: int
    files: tuple[str, ...] = ()
    source_class: str = ""


class Manifest:
    """One connection to the manifest; `folder` holds it and the segments. Not for several threads at once."""

    def __init__(self, folder: Path, *, writer: bool, file: str = FILE) -> None:
        self._db = sqlite3.connect(folder / file, timeout=10, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self.names = names.Names(self._db)
        if writer or not self._ready():
            self._grow()
            self._db.executescript(_SCHEMA + names.SCHEMA)
            with self.transaction():
                self.names.grow()

    def _ready(self) -> bool:
        return bool(self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'unnamed'").fetchone())

    def _grow(self) -> None:
        """Add what tables of an older version lack."""
        with self.transaction():
            for table, columns in _LATER.items():
                there = {row[1] for row in self._db.execute(f"PRAGMA table_info({table})")}
                for name in columns.keys() - there if there else ():
                    self._db.execute(f"ALTER TABLE {table} ADD COLUMN {name} {columns[name]}")

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def single(self) -> None:
        """Bring all that it has into its one file, for who copies that. Not for one that others have open."""
        self._db.execute("PRAGMA journal_mode=DELETE")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Raises StoreUnavailable when the disk or another process prevents it."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except BaseException as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise StoreUnavailable(f"manifest: {error}") from error
            raise

    def version(self) -> int:
        """Return a number that changes when another connection writes."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def next_id(self) -> int:
        """Return an id above that of every segment there ever was: a name must mean one file for ever."""
        row = self._db.execute("SELECT max(coalesce((SELECT max(id) FROM segment), 0), coalesce(max(id), 0)) FROM last")
        return int(row.fetchone()[0]) + 1

    def add(self, segment: Segment) -> None:
        """Insert a segment."""
        rest = None if segment.rest is None else json.dumps(sorted(segment.rest))
        values = [segment.id, segment.file, segment.day, segment.late, segment.rows, segment.bytes, segment.raw]
        values += [
            segment.min_time,
            segment.max_time,
            json.dumps(segment.columns),
            rest,
            segment.events,
            segment.sha256,
            segment.source_class,
        ]
        self._db.execute(f"INSERT INTO segment ({_COLUMNS}) VALUES ({_MARKS})", values)  # noqa: S608 - constant
        self._db.execute(
            "INSERT INTO last VALUES (1, ?) ON CONFLICT DO UPDATE SET id = max(id, excluded.id)", (segment.id,)
        )

    def describe(self, segment_id: int, events: str) -> None:
        """Write down the digest of a segment's events."""
        self._db.execute("UPDATE segment SET events = ? WHERE id = ?", (events, segment_id))

    def add_merge(self, file: str, merge: Merge, at: int) -> None:
        """Write down what a merged segment was made of."""
        row = (file, at, json.dumps(merge.olds), merge.members)
        self._db.execute("INSERT INTO merge VALUES (?,?,?,?)", row)

    def forget_merges(self, before: int) -> None:
        """Forget of what segments were made that were merged before a moment."""
        self._db.execute("DELETE FROM merge WHERE at < ?", (before,))

    def retire(self, ids: Sequence[int], at: int) -> None:
        """Take segments out of every later question; their files stay for those who still read them."""
        self._db.executemany("UPDATE segment SET retired = ? WHERE id = ?", [(at, one) for one in ids])

    def forget(self, ids: Sequence[int]) -> None:
        """Remove the rows of segments whose files are gone."""
        self._db.executemany("DELETE FROM segment WHERE id = ?", [(one,) for one in ids])

    def segments(self, start: int | None = None, end: int | None = None) -> list[Segment]:
        """Return the segments in force that may hold events from `start` to before `end`."""
        low, high = -(1 << 63) if start is None else start, (1 << 63) - 1 if end is None else end - 1
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM segment WHERE {IN_FORCE} AND max_time >= ? AND min_time <= ? ORDER BY id",  # noqa: S608 - constant
            (max(low, -(1 << 63)), min(high, (1 << 63) - 1)),
        )
        return [_segment(row) for row in rows]

    def damage(self, told: Damaged) -> bool:
        """Set a segment aside; False when it was not in force."""
        ask = f"UPDATE segment SET damaged = ?, harm = ?, detail = ? WHERE file = ? AND {IN_FORCE}"  # noqa: S608 - constant
        return self._db.execute(ask, (told.at, told.harm, told.detail, told.file)).rowcount == 1

    def damaged(self) -> list[Damaged]:
        """Return what was set aside, in the order of writing."""
        found = self._db.execute(
            f"SELECT file, rows, min_time, max_time, damaged, harm, detail FROM segment WHERE {_ASIDE} ORDER BY id"  # noqa: S608 - constant
        )
        return [
            Damaged(file, rows, start, end, at, Harm(harm), detail)
            for file, rows, start, end, at, harm, detail in found
        ]

    def aside(self) -> list[Segment]:
        """Return the segments that were set aside: their time to be deleted comes as that of others."""
        rows = self._db.execute(f"SELECT {_COLUMNS} FROM segment WHERE {_ASIDE} ORDER BY id")  # noqa: S608 - constant
        return [_segment(row) for row in rows]

    def retired(self, before: int) -> list[tuple[int, str]]:
        """Return id and file of segments retired before a moment."""
        return list(self._db.execute("SELECT id, file FROM segment WHERE retired < ?", (before,)))

    def files(self) -> set[str]:
        """Return every file that the manifest names, retired ones too."""
        return {row[0] for row in self._db.execute("SELECT file FROM segment")}

    def applied(self) -> int:
        """Return the journal seq that was last applied, 0 before the first."""
        row = self._db.execute("SELECT seq FROM applied").fetchone()
        return int(row[0]) if row else 0

    def apply(self, results: Sequence[BatchResult], upto: int) -> None:
        """Write results and seq."""
        self._db.executemany(
            "INSERT OR IGNORE INTO result VALUES (?,?,?,?,?,?)",
            [(r.seq, r.source, r.read, r.stored, r.known, r.dead) for r in results],
        )
        self._db.execute(
            "INSERT INTO applied VALUES (1, ?) ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq)", (upto,)
        )

    def results(self, seqs: Sequence[int]) -> dict[int, BatchResult]:
        """Return those results that are there."""
        found: dict[int, BatchResult] = {}
        for seq in seqs:
            row = self._db.execute("SELECT * FROM result WHERE seq = ?", (seq,)).fetchone()
            if row:
                found[seq] = BatchResult(*row)
        return found

    def forget_results(self, below: int) -> int:
        """Forget some results of batches below a journal seq; return how many."""
        return self._db.execute(results.FORGET, (below, results.AT_ONCE)).rowcount

    def add_deletion(self, deletion: Deletion) -> None:
        """Write down a deletion."""
        d = deletion
        values = (d.at, d.reason, d.day, d.segments, d.rows, d.bytes, d.min_time, d.max_time, json.dumps(d.files))
        self._db.execute(
            "INSERT INTO deletion (at, reason, day, segments, rows, bytes, min_time, max_time, files, class)"
            " VALUES (?,?,?,?,?,?,?,?,?,?)",
            (*values, d.source_class),
        )

    def deletions(self) -> list[Deletion]:
        """Return every deletion, oldest first."""
        rows = self._db.execute(
            "SELECT at, reason, day, segments, rows, bytes, min_time, max_time, files, class FROM deletion ORDER BY id"
        )
        return [Deletion(*[*row[:-2], tuple(json.loads(row[-2] or "[]")), row[-1]]) for row in rows]

    def ran(self, name: str, at: int, told: Mapping[str, object]) -> None:
        """Write down that something was done, and what it told."""
        self._db.execute("INSERT OR REPLACE INTO run VALUES (?,?,?)", (name, at, json.dumps(told)))

    def usage(self) -> Usage:
        """Return what is in force by day and class, and the last runs."""
        rows = self._db.execute(
            f"SELECT day, class, sum(rows), sum(bytes) FROM segment WHERE {IN_FORCE} GROUP BY day, class"  # noqa: S608 - constant
            " ORDER BY day, class"
        )
        runs = {row[0]: Run(row[1], json.loads(row[2])) for row in self._db.execute("SELECT name, at, told FROM run")}
        return Usage([DayUsage(*row) for row in rows], runs.get("compaction"), runs.get("retention"))

    def stats(self) -> Stats:
        """Return the size of what is in force."""
        row = self._db.execute(
            "SELECT coalesce(sum(rows), 0), coalesce(sum(bytes), 0), count(*), min(min_time), max(max_time)"  # noqa: S608 - constant
            f" FROM segment WHERE {IN_FORCE}"
        ).fetchone()
        return Stats(*row)


def _segment(row: tuple[Any, ...]) -> Segment:
    columns, rest, *others = row[9:]
    names = None if rest is None else frozenset(json.loads(rest))
    return Segment(*row[:9], tuple(json.loads(columns)), names, *others)  # type: ignore[call-arg]

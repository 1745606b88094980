"""The chain on disk: one SQLite file, entries that are only ever added, a signature in each transaction.

Who appends: whoever holds `evidence.lock` beside the file (`exclusive`), one process at a time; the jobs' process at
its times, and commands for as long as they run. A transaction has entries, their seal and the cursors that say what
they were made of: a crash leaves all of it or nothing, so that nothing is carried twice and nothing is left out.
"""

from __future__ import annotations

import fcntl
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.evidence.chain import START, canonical, entry_hash
from appliance.evidence.keys import EvidenceKey
from appliance.evidence.plain import plain

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
  number INTEGER PRIMARY KEY, hash TEXT NOT NULL, kind TEXT NOT NULL, ref TEXT NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS entry_ref ON entry (kind, ref);
CREATE TABLE IF NOT EXISTS seal (number INTEGER PRIMARY KEY, line TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS cursor (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS mark (
  name TEXT NOT NULL, id INTEGER NOT NULL, mark BLOB NOT NULL, PRIMARY KEY (name, id)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS live (
  file TEXT PRIMARY KEY, number INTEGER NOT NULL, day INTEGER NOT NULL, late INTEGER NOT NULL, rows INTEGER NOT NULL,
  min_time INTEGER NOT NULL, max_time INTEGER NOT NULL, events TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS members (digest TEXT PRIMARY KEY, packed BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS rule (path TEXT PRIMARY KEY, sha256 TEXT NOT NULL) STRICT;
"""
_AGAIN = 0.1
Probe = Callable[[str], None]
"""Called with the name of each step of an append; tests stop the process there."""


class EvidenceBusy(RuntimeError):
    """Another process appends to the chain for longer than one wants to wait."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry to be. `ref` is what its kind is found by: an alert's number, a segment's file."""

    kind: str
    payload: dict[str, Any]
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry: its number and its hash."""

    number: int
    digest: str


@dataclass(frozen=True, slots=True)
class Live:
    """A segment that the chain has sealed and that is in force."""

    file: str
    number: int
    day: int
    late: bool
    rows: int
    min_time: int
    max_time: int
    events: str


class Ledger:
    """One connection to a chain. Not for several threads at once. Raises sqlite3.Error where the disk fails."""

    def __init__(self, path: Path, probe: Probe = lambda _step: None) -> None:
        self._path, self._probe = path, probe
        self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(_SCHEMA)

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    @contextmanager
    def exclusive(self, wait_seconds: float = 30.0) -> Iterator[None]:
        """Be the one who appends. Raises EvidenceBusy."""
        until = time.monotonic() + wait_seconds
        with self._path.with_suffix(".lock").open("a") as handle:
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as error:
                    if time.monotonic() >= until:
                        raise EvidenceBusy(str(self._path)) from error
                    time.sleep(_AGAIN)
            yield

    @contextmanager
    def sealing(self, key: EvidenceKey, at: int) -> Iterator[Appending]:
        """Append in one transaction; its last entry is signed. `at` in microseconds."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._probe("begun")
            appending = Appending(self._db, self.head(), at)
            yield appending
            self._probe("inserted")
            if appending.count:
                head = appending.head
                line = canonical(key.seal(at, head.number, head.digest)).decode("utf-8")
                self._db.execute("INSERT INTO seal VALUES (?, ?)", (head.number, line))
            self._probe("sealed")
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        self._probe("committed")

    def head(self) -> Head:
        """Return the last entry, number 0 before the first."""
        row = self._db.execute("SELECT number, hash FROM entry ORDER BY number DESC LIMIT 1").fetchone()
        return Head(*row) if row else Head(0, START)

    def cursor(self, name: str) -> str:
        """Return a cursor, empty before it is first set."""
        row = self._db.execute("SELECT value FROM cursor WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def marks(self, name: str) -> Iterator[tuple[int, bytes]]:
        """Yield ids and marks of the rows of a table that were carried, the newest first."""
        yield from self._db.execute("SELECT id, mark FROM mark WHERE name = ? ORDER BY id DESC", (name,))

    def entries(self, first: int = 1, last: int | None = None) -> Iterator[tuple[str, bytes]]:
        """Yield (hash, body) of the entries in order of their numbers."""
        # As bytes: what was tampered with need not be text.
        sql = "SELECT hash, CAST(body AS BLOB) FROM entry WHERE number >= ? AND number <= ? ORDER BY number"
        yield from self._db.execute(sql, (first, (1 << 62) if last is None else last))

    def before(self, at: int) -> int:
        """Return the number of the last entry before which none is of the time `at` (microseconds) or later."""
        sql = "SELECT min(number) FROM entry WHERE json_extract(body, '$.at') >= ?"
        later = self._db.execute(sql, (at,)).fetchone()[0]
        return max(1, later - 1) if later else max(1, self.head().number)

    def of_kind(self, *kinds: str, ref: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield the entries of some kinds in order, of one thing only when `ref` names it."""
        marks = ",".join("?" * len(kinds))
        sql = f"SELECT body FROM entry WHERE kind IN ({marks}) AND (? IS NULL OR ref = ?) ORDER BY number"  # noqa: S608 - only marks
        for (body,) in self._db.execute(sql, (*kinds, ref, ref)):
            yield json.loads(body)

    def seals(self, first: int = 1) -> Iterator[bytes]:
        """Yield the lines of the seals from an entry on."""
        for (line,) in self._db.execute("SELECT line FROM seal WHERE number >= ? ORDER BY number", (first,)):
            yield line.encode("utf-8")

    def numbered_seals(self) -> Iterator[tuple[int, bytes]]:
        """Yield (number of the entry, line) of every seal."""
        yield from self._db.execute("SELECT number, CAST(line AS BLOB) FROM seal ORDER BY number")

    def last_seal(self) -> bytes | None:
        """Return the line of the newest seal: what an anchor is."""
        row = self._db.execute("SELECT line FROM seal ORDER BY number DESC LIMIT 1").fetchone()
        return row[0].encode("utf-8") if row else None

    def live(self) -> dict[str, Live]:
        """Return the segments in force by file."""
        sql = "SELECT file, number, day, late, rows, min_time, max_time, events FROM live ORDER BY file"
        return {row[0]: Live(*row) for row in self._db.execute(sql)}

    def members(self, digest: str) -> bytes | None:
        """Return which row of a merged segment came from where, packed."""
        row = self._db.execute("SELECT packed FROM members WHERE digest = ?", (digest,)).fetchone()
        return row[0] if row else None

    def rules(self) -> dict[str, str]:
        """Return the digests of rule files as the chain has them."""
        return dict(self._db.execute("SELECT path, sha256 FROM rule"))


class Appending:
    """A transaction that appends. `count` entries were added, `head` is the last of them."""

    def __init__(self, db: sqlite3.Connection, head: Head, at: int) -> None:
        self._db, self._at = db, at
        self.head, self.count = head, 0

    def add(self, draft: Draft) -> int:
        """Append an entry and return its number."""
        number = self.head.number + 1
        entry = {"at": self._at, "kind": draft.kind, "number": number, "previous": self.head.digest}
        body = canonical({**entry, "payload": plain(draft.payload)})
        digest = entry_hash(body)
        row = (number, digest, draft.kind, draft.ref, body.decode("utf-8"))
        self._db.execute("INSERT INTO entry VALUES (?,?,?,?,?)", row)
        self.head, self.count = Head(number, digest), self.count + 1
        return number

    def set(self, name: str, value: object) -> None:
        """Move a cursor."""
        self._db.execute("INSERT OR REPLACE INTO cursor VALUES (?, ?)", (name, str(value)))

    def mark(self, name: str, upto: int, marks: Mapping[int, bytes]) -> None:
        """Move the cursor of a table to an id; keep marks of the rows that were carried, none past the cursor."""
        self.set(name, upto)
        self._db.execute("DELETE FROM mark WHERE name = ? AND id > ?", (name, upto))
        self._db.executemany(
            "INSERT INTO mark VALUES (?, ?, ?)", [(name, number, one) for number, one in marks.items()]
        )

    def keep(self, one: Live) -> None:
        """Remember a segment as one in force."""
        row = (one.file, one.number, one.day, one.late, one.rows, one.min_time, one.max_time, one.events)
        self._db.execute("INSERT OR REPLACE INTO live VALUES (?,?,?,?,?,?,?,?)", row)

    def drop(self, gone: Iterable[Live]) -> None:
        """Forget segments that are in force no more; a new one of the same name stays."""
        self._db.executemany("DELETE FROM live WHERE file = ? AND number = ?", [(one.file, one.number) for one in gone])

    def keep_members(self, digest: str, packed: bytes) -> None:
        """Keep which row of a merged segment came from where."""
        self._db.execute("INSERT OR IGNORE INTO members VALUES (?, ?)", (digest, packed))

    def set_rules(self, changed: dict[str, str], removed: Iterable[str]) -> None:
        """Remember the digests of rule files."""
        self._db.executemany("INSERT OR REPLACE INTO rule VALUES (?, ?)", changed.items())
        self._db.executemany("DELETE FROM rule WHERE path = ?", [(path,) for path in removed])

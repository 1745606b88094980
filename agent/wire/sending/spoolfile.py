"""The spool's SQLite file: its tables, its transactions, and a new file where one proves to be damaged."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.wire.sending.damage import is_damage, opened, set_aside

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


class SpoolFull(Exception):
    """The disk takes no more; nothing of the transaction was kept."""

    @property
    def no_room(self) -> bool:
        """Whether room is what it lacks (SQLITE_FULL says so in its text), and not a whole disk or a right."""
        return "full" in str(self)


class SpoolAnew(SpoolFull):
    """The file was damaged. A new one has been begun, which has nothing of the transaction: it may be tried again."""


class SpoolFile:
    """The open file; every method may be called from any thread."""

    def __init__(self, path: Path, opened: Callable[[], None], take_over: Callable[[Path], None]) -> None:
        """`opened` is called after each opening; `take_over` with a damaged file that was set aside, until it is told.

        Nothing is opened before `open`.
        """
        self.lock = threading.RLock()
        self.db: sqlite3.Connection
        self._path = path
        self._opened, self._take_over = opened, take_over
        self._is_open = self._renewing = False
        self._wreck: Path | None = None

    def open(self) -> None:
        """Open or make the file; a damaged one is set aside. Raises SpoolFull."""
        try:
            self.db, aside = opened(
                self._path, _prepare, isolation_level=None, check_same_thread=False, cached_statements=32
            )
            self._path.chmod(0o600)
        except (sqlite3.Error, OSError) as error:
            raise SpoolFull(str(error)) from error
        self._is_open, self._wreck = True, aside or self._wreck
        self._opened()
        self._ensure()

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            self._is_open = False
            self.db.close()

    def told(self) -> None:
        """Hear that the damaged file is noted in this one."""
        self._wreck = None

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction goes on."""
        return self._is_open and self.db.in_transaction

    def found(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return what a question finds, asked of the new file when this one is damaged; raises SpoolFull."""
        found: list[tuple[Any, ...]] = []

        def ask() -> None:
            with self.reading():
                found[:] = self.db.execute(query, values).fetchall()

        twice(ask)
        return found

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Go on with a new file when this one is damaged (SpoolAnew); other faults are SpoolFull."""
        with self.lock:
            if self.in_transaction:  # whose end decides
                yield
                return
            self._ensure()
            try:
                yield
            except sqlite3.DatabaseError as error:
                self._heal(error)
                raise SpoolFull(str(error)) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep all or nothing, on disk at the end; raises SpoolFull. One within another is part of it."""
        with self.lock:
            if self.in_transaction:
                yield
                return
            self._ensure()
            try:
                self.db.execute("BEGIN IMMEDIATE")
                yield
                self.db.execute("COMMIT")
            except BaseException as error:
                with contextlib.suppress(sqlite3.Error):
                    if self.db.in_transaction:
                        self.db.execute("ROLLBACK")
                self._heal(error)
                if isinstance(error, sqlite3.OperationalError):
                    raise SpoolFull(str(error)) from error
                raise

    def _ensure(self) -> None:
        if not self._is_open:
            self.open()
        wreck = self._wreck
        if wreck is not None and not self._renewing:
            with self._renewal():
                self._take_over(wreck)

    @contextmanager
    def _renewal(self) -> Iterator[None]:
        """While a new file takes the place of a damaged one, that it is damaged as well is no reason for a third."""
        self._renewing = True
        try:
            yield
        finally:
            self._renewing = False

    def _heal(self, error: BaseException) -> None:
        """Begin a new file and say so (SpoolAnew) when the error is one of damage; else do nothing."""
        if not (isinstance(error, sqlite3.Error) and is_damage(error)):
            return
        if self._renewing:
            raise SpoolFull(str(error)) from error
        self._is_open = False
        with contextlib.suppress(sqlite3.Error):
            self.db.close()
        try:
            self._wreck = set_aside(self._path, error)
        except OSError as fault:
            raise SpoolFull(str(fault)) from error
        with self._renewal():
            self.open()
        self._ensure()
        raise SpoolAnew(str(error)) from error


def twice(work: Callable[[], None]) -> None:
    """Do what goes into the file; when that was damaged, into the new one."""
    try:
        work()
    except SpoolAnew:
        work()


def _prepare(database: sqlite3.Connection) -> None:
    for pragma in ("auto_vacuum=INCREMENTAL", "journal_mode=WAL", "synchronous=FULL", "cache_size=-256",
                   "journal_size_limit=4194304", "temp_store=MEMORY", "busy_timeout=2000"):  # fmt: skip
        database.execute(f"PRAGMA {pragma}")
    database.executescript(_SCHEMA)
    if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'gaps'").fetchone():
        database.executescript(_TAKEN_OVER)


def time_in(body: bytes) -> int:
    """Return the time of an encoded record (µs), 0 when it has none."""
    found = _AT.search(body)
    return int(found[1]) if found else 0

"""Opening the SQLite files of the hand-off, and turning their failures into one clear error."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.journal.errors import JournalUnavailable

_PRAGMAS = (
    "page_size=8192",
    "auto_vacuum=INCREMENTAL",
    "journal_mode=WAL",
    "synchronous=FULL",
    "busy_timeout=10000",
    "cache_size=-2000",
    "journal_size_limit=67108864",
    "foreign_keys=OFF",
)
_CORRUPT = ("malformed", "not a database")


def open_database(path: Path, schema: str) -> sqlite3.Connection:
    """Open or make a file; every transaction is begun and ended by hand and is on disk when it ends.

    Raises JournalUnavailable.
    """
    with failures(path):
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            for pragma in _PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
            connection.executescript(schema)
        except sqlite3.Error:
            connection.close()
            raise
    path.chmod(0o600)
    return connection


@contextmanager
def failures(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into JournalUnavailable with the file's name and what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise JournalUnavailable(_explain(path, error)) from error


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run the block as one write transaction; any exception rolls it back."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _explain(path: Path, error: sqlite3.Error) -> str:
    text = str(error)
    if any(sign in text for sign in _CORRUPT):
        return (
            f"Plik {path} jest uszkodzony ({text}). "
            "Zatrzymaj Czujkę, przenieś ten plik w inne miejsce i uruchom ją ponownie."
        )
    if "full" in text:
        return f"Na dysku z plikiem {path} nie ma miejsca. Zwolnij miejsce; przyjmowanie wróci samo."
    return f"Nie można użyć pliku {path}: {text}. Sprawdź dysk i prawa do pliku."

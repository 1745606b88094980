"""SQLite files that prove to be damaged: told from a disk that takes nothing, set aside, few of them kept."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

LOG = logging.getLogger(__name__)
KEPT = 2
"""Damaged files of one name that are kept, the newest."""
CHECKED = 64 << 20
"""Bytes up to which a file's structure is looked through when it is opened, which takes up to two seconds from a cold
disk. In a larger one damage is found when it is come by."""
_SIDES = ("-wal", "-shm", "-journal")
_OF_CONTENT = ("no such table", "no such column", "decode to UTF-8")


def is_damage(error: BaseException) -> bool:
    """Say whether an error of SQLite speaks of the file's content, not of room, rights, locks or the disk."""
    if isinstance(error, sqlite3.OperationalError):
        return any(words in str(error) for words in _OF_CONTENT)
    return type(error) is sqlite3.DatabaseError  # its subclasses are faults of programs and of values


def check(database: sqlite3.Connection, path: Path) -> None:
    """Raise sqlite3.DatabaseError when a file that is small enough to be looked through is damaged."""
    if path.stat().st_size <= CHECKED:
        (said,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if said != "ok":
            raise sqlite3.DatabaseError(f"malformed: {said}")


def set_aside(path: Path, error: BaseException) -> Path:
    """Rename a damaged file and what SQLite has beside it, drop older ones; return the new name. Raises OSError."""
    aside = path.with_name(f"{path.name}.damaged-{time.time_ns() // 1000}")
    LOG.error("database_damaged file=%s error=%s set_aside=%s", path.name, error, aside.name)
    path.rename(aside)
    for side in _SIDES:
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + side).rename(aside.with_name(aside.name + side))
    for old in _damaged(path)[:-KEPT]:
        for suffix in ("", *_SIDES):
            old.with_name(old.name + suffix).unlink(missing_ok=True)
    return aside


def _damaged(path: Path) -> list[Path]:
    """Return the files that were set aside, oldest first; not folders, whose content is somebody else's."""
    names = (one for one in path.parent.glob(f"{path.name}.damaged-*") if not one.name.endswith(_SIDES))
    found = (one for one in names if not one.is_dir())
    return sorted(found, key=lambda one: (len(one.name), one.name))


def opened(
    path: Path, prepare: Callable[[sqlite3.Connection], None], **options: float | None
) -> tuple[sqlite3.Connection, Path | None]:
    """Open a file and prepare it; a damaged one is set aside, and its new name told. Raises sqlite3.Error, OSError.

    A folder in its place is damage, too.
    """
    try:
        return _open(path, prepare, **options), None
    except sqlite3.DatabaseError as error:
        if not (is_damage(error) or path.is_dir()):
            raise
        aside = set_aside(path, error)
    return _open(path, prepare, **options), aside


def _open(path: Path, prepare: Callable[[sqlite3.Connection], None], **options: float | None) -> sqlite3.Connection:
    database: sqlite3.Connection = sqlite3.connect(path, **options)  # type: ignore[call-overload] # (options by name)
    try:
        prepare(database)
        check(database, path)
    except sqlite3.Error:
        database.close()  # an open file could not be set aside on Windows
        raise
    return database

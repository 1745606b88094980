"""What the watched files were: one row a path.

A file of its own beside the spool: the spool is bounded, emptied and set aside when damaged, none of which may touch
what is known of files; and a lost baseline only has to be taken again.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from agent.fim.entries import Entry
from agent.wire.sending.damage import opened

MAX_ENTRIES = 200_000
"""Paths that are remembered; what comes after is not watched, and said to be not."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries(path BLOB PRIMARY KEY, mode INTEGER NOT NULL, size INTEGER NOT NULL,
    uid INTEGER NOT NULL, gid INTEGER NOT NULL, mtime INTEGER NOT NULL, ctime INTEGER NOT NULL, inode INTEGER NOT NULL,
    sha256 BLOB NOT NULL, target TEXT NOT NULL, round INTEGER NOT NULL, rights TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS state(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
_RIGHTS = "ALTER TABLE entries ADD COLUMN rights TEXT NOT NULL DEFAULT ''"
"""For a file of a version that had no Windows to watch."""
_COLUMNS = "mode, size, uid, gid, mtime, ctime, inode, sha256, target, rights"


class Baseline:
    """The remembered files. Nothing is kept before `commit`."""

    def __init__(self, path: Path) -> None:
        """Open the file; one that is damaged is set aside (`damaged`) and made anew. Raises sqlite3.Error, OSError."""
        self._database, self.damaged = opened(path, _prepare)
        self._count = int(self._database.execute("SELECT count(*) FROM entries").fetchone()[0])
        self.name = self._state("name") or self._named()
        self.commit()
        path.chmod(0o600)

    def _named(self) -> str:
        name = os.urandom(16).hex()
        self._set("name", name)
        return name

    @property
    def fresh(self) -> bool:
        """Whether no round was ever finished: then what is found is no change."""
        return self._state("finished") == ""

    @property
    def finished(self) -> int:
        """When the last round was finished, in µs; 0 for never."""
        return int(self._state("finished") or 0)

    def __len__(self) -> int:
        return self._count

    def get(self, path: str) -> Entry | None:
        """Return what is remembered of a path."""
        row = self._database.execute(f"SELECT {_COLUMNS} FROM entries WHERE path = ?", (os.fsencode(path),)).fetchone()  # noqa: S608 (constant)
        return _entry(row) if row is not None else None

    def put(self, path: str, entry: Entry, number: int) -> bool:
        """Remember a path, seen in a round; False when there are too many and it is a new one."""
        key = os.fsencode(path)
        if self._count >= MAX_ENTRIES and self.get(path) is None:
            return False
        sha256 = bytes.fromhex(entry.sha256)
        target = entry.target.encode("utf-8", "backslashreplace").decode()
        values = (key, *map(_stored, entry[:7]), sha256, target, number, entry.rights)
        changed = self._database.execute("UPDATE entries SET round = ? WHERE path = ?", (number, key)).rowcount
        self._database.execute(f"INSERT OR REPLACE INTO entries VALUES ({','.join('?' * len(values))})", values)  # noqa: S608 (question marks)
        self._count += not changed
        return True

    def seen(self, path: str, number: int) -> None:
        """Note that a path is as it was in this round."""
        self._database.execute("UPDATE entries SET round = ? WHERE path = ?", (number, os.fsencode(path)))

    def drop(self, path: str) -> None:
        """Forget a path."""
        self._count -= self._database.execute("DELETE FROM entries WHERE path = ?", (os.fsencode(path),)).rowcount

    def below(self, folder: str, number: int = -1) -> Iterator[str]:
        """Yield the remembered paths below a folder that the round of this number did not come by."""
        first, last = os.fsencode(f"{folder}/"), os.fsencode(f"{folder}0")  # "0" follows "/"
        rows = self._database.execute(
            "SELECT path FROM entries WHERE path > ? AND path < ? AND round <> ?", (first, last, number)
        )
        yield from (os.fsdecode(row[0]) for row in rows.fetchall())

    def unseen(self, number: int) -> Iterator[str]:
        """Yield the paths that the round did not come by."""
        rows = self._database.execute("SELECT path FROM entries WHERE round <> ?", (number,))
        yield from (os.fsdecode(row[0]) for row in rows.fetchall())

    def next_round(self) -> int:
        """Begin a round: return its number."""
        number = int(self._state("round") or 0) + 1
        self._set("round", str(number))
        return number

    def finish_round(self, at: int) -> None:
        """Note the end of a round (µs)."""
        self._set("finished", str(at))

    def commit(self) -> None:
        """Keep what was noted since the last time."""
        self._database.commit()

    def rest(self) -> None:
        """Give the memory of the pages back, which a round needs and nothing for hours after it."""
        self._database.execute("PRAGMA shrink_memory")

    def close(self) -> None:
        """Close without keeping what was not committed."""
        with contextlib.suppress(sqlite3.Error):
            self._database.close()

    def _state(self, name: str) -> str:
        row = self._database.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row is not None else ""

    def _set(self, name: str, value: str) -> None:
        self._database.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, value))


def _prepare(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA cache_size=-512")
    database.executescript(_SCHEMA)
    if "rights" not in {row[1] for row in database.execute("PRAGMA table_info(entries)")}:
        database.execute(_RIGHTS)
    database.execute("SELECT count(*) FROM entries").fetchone()


def _entry(row: tuple[int, int, int, int, int, int, int, bytes, str, str]) -> Entry:
    mode, size, uid, gid, mtime, ctime, inode, sha256, target, rights = row
    return Entry(mode, size, uid, gid, mtime, ctime, inode % (1 << 64), sha256.hex(), target, rights)


def _stored(number: int) -> int:
    """Return a number as SQLite can keep it: file numbers have 64 bits without a sign, and times may be made up."""
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)

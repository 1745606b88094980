"""What the store's manifest says, read beside its writer: which segments are in force, what retention deleted."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from appliance.store.manifest import FILE, Deletion, Merge


@dataclass(frozen=True, slots=True)
class Stored:
    """A segment in force. `day` = day of arrival since 1970, times of events in microseconds.

    `events` is the digest of its events, None until the writer has worked it out; `sha256` that of its file, None
    when an older writer wrote it.
    """

    file: str
    day: int
    late: bool
    rows: int
    bytes: int
    min_time: int
    max_time: int
    events: str | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Deleted(Deletion):
    """A deletion by retention, and its number in the manifest."""

    id: int = 0

    def payload(self) -> dict[str, Any]:
        """Return what an entry says of it, without its files."""
        told = asdict(self)
        return {name: told[name] for name in told.keys() - {"id", "files", "source_class"}} | {
            "class": self.source_class
        }


@dataclass(frozen=True, slots=True)
class Inventory:
    """One moment of the manifest, as long as it is open."""

    segments: dict[str, Stored]
    """Those that are damaged too: no deletion accounts for them."""
    damaged: dict[str, str]
    """What is wrong with segments that were set aside (`appliance.store.Harm`), by file."""
    deletions: list[Deleted]
    _db: sqlite3.Connection

    def merge(self, file: str) -> Merge | None:
        """Return what a segment was made of, None for one that was not merged."""
        row = self._db.execute("SELECT olds, members FROM merge WHERE file = ?", (file,)).fetchone()
        return None if row is None else Merge(tuple(json.loads(row[0])), row[1])


@contextmanager
def take(folder: Path, after: int) -> Iterator[Inventory | None]:
    """Open the segments in force and the deletions after the one with the id `after`; None without a manifest.

    Raises sqlite3.Error.
    """
    path = folder / FILE
    if not path.is_file():
        yield None
        return
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10, isolation_level=None)) as db:
        # The last of its tables: without it the writer has not been here yet, or it was an older one.
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'unnamed'").fetchone():
            yield None
            return
        db.execute("BEGIN")
        rows = db.execute(
            "SELECT harm, file, day, late, rows, bytes, min_time, max_time, events, sha256 FROM segment"
            " WHERE retired IS NULL ORDER BY id"
        ).fetchall()
        gone = db.execute(
            "SELECT at, reason, day, segments, rows, bytes, min_time, max_time, files, class, id"
            " FROM deletion WHERE id > ? ORDER BY id",
            (after,),
        ).fetchall()
        segments = {file: Stored(file, day, bool(late), *rest) for _, file, day, late, *rest in rows}
        damaged = {row[1]: row[0] for row in rows if row[0]}
        yield Inventory(
            segments,
            damaged,
            [Deleted(*[*row[:-3], tuple(json.loads(row[-3] or "[]")), *row[-2:]]) for row in gone],
            db,
        )

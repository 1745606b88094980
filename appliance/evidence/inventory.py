"""What the store's manifest says, read beside its writer: which segments are in force, what retention deleted."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from appliance.store.compaction import MAX_RAW, MAX_ROWS
from appliance.store.manifest import FILE, Deletion


@dataclass(frozen=True, slots=True)
class Stored:
    """A segment in force. `day` = day of arrival since 1970, times of events in microseconds."""

    file: str
    day: int
    late: bool
    rows: int
    raw: int
    min_time: int
    max_time: int

    @property
    def settled(self) -> bool:
        """Whether it is too large to be merged again."""
        return self.rows >= MAX_ROWS // 2 or self.raw >= MAX_RAW // 2


@dataclass(frozen=True, slots=True)
class Deleted(Deletion):
    """A deletion by retention, and its number in the manifest."""

    id: int

    def payload(self) -> dict[str, Any]:
        """Return what an entry says of it."""
        return {name: value for name, value in asdict(self).items() if name != "id"}


@dataclass(frozen=True, slots=True)
class Inventory:
    """One moment of the manifest."""

    segments: dict[str, Stored]
    deletions: list[Deleted]


def take(folder: Path, after: int) -> Inventory | None:
    """Return the segments in force and the deletions after the one with the id `after`; None without a manifest.

    Raises sqlite3.Error.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10, isolation_level=None)) as db:
        tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {"segment", "deletion"} <= tables:
            return None
        db.execute("BEGIN")
        rows = db.execute(
            "SELECT file, day, late, rows, raw, min_time, max_time FROM segment WHERE retired IS NULL ORDER BY id"
        ).fetchall()
        gone = db.execute(
            "SELECT at, reason, day, segments, rows, bytes, min_time, max_time, id FROM deletion WHERE id > ?"
            " ORDER BY id",
            (after,),
        ).fetchall()
    segments = {file: Stored(file, day, bool(late), *rest) for file, day, late, *rest in rows}
    return Inventory(segments, [Deleted(*row) for row in gone])

"""The names outside the schema that stored events have: a bounded list, which says whether it has them all.

A name is kept with the day of arrival on which it last came, and goes with the last segment that may have it. Where
there are more than the bound, those that came longest ago make room, and the list is no longer whole: then a question
may use any name, so that junk keys of one source shut out no field of another.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import nsmallest

MAX_NAMES = 20_000
"""Names that are kept."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS name (name TEXT PRIMARY KEY, day INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE IF NOT EXISTS unnamed (one INTEGER PRIMARY KEY CHECK (one = 1), day INTEGER NOT NULL) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Change:
    """What some events change: names and the day on which they came, and those that make room.

    `missed` is the newest day on which a name came that is not in the list, None when each is.
    """

    came: Mapping[str, int]
    gone: frozenset[str]
    missed: int | None


def change(kept: Mapping[str, int], names: Iterable[str], day: int) -> Change:
    """Return how names that came on a day change the list, from name to day."""
    came = [name for name in sorted(set(names)) if kept.get(name, -1) < day]
    fresh = [name for name in came if name not in kept]
    gone = _oldest(kept, frozenset(came), day, len(kept) + len(fresh) - MAX_NAMES)
    room = MAX_NAMES - len(kept) + len(gone)
    taken = [name for name in came if name in kept] + fresh[:room]
    missed = day if len(fresh) > room else max((kept[name] for name in gone), default=None)
    return Change(dict.fromkeys(taken, day), gone, missed)


def _oldest(kept: Mapping[str, int], came: frozenset[str], day: int, short: int) -> frozenset[str]:
    """Return so many names that came before a day and not again, those that came longest ago."""
    if short <= 0:
        return frozenset()
    before = (name for name in kept if kept[name] < day and name not in came)
    return frozenset(nsmallest(short, before, kept.__getitem__))


class Names:
    """The list in the manifest's database, over its connection."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def days(self) -> dict[str, int]:
        """Return each name and the day of arrival, since 1970, on which it last came."""
        return dict(self._db.execute("SELECT name, day FROM name"))

    def whole(self) -> bool:
        """Return whether every name of the events in force is in the list."""
        return self._db.execute("SELECT 1 FROM unnamed").fetchone() is None

    def put(self, change: Change) -> None:
        """Write a change down."""
        self._db.executemany("DELETE FROM name WHERE name = ?", [(name,) for name in change.gone])
        self._db.executemany(
            "INSERT INTO name VALUES (?, ?) ON CONFLICT DO UPDATE SET day = excluded.day", change.came.items()
        )
        if change.missed is not None:
            self.miss(change.missed)

    def miss(self, day: int) -> None:
        """Write down that names of events that came up to a day are not in the list."""
        self._db.execute(
            "INSERT INTO unnamed VALUES (1, ?) ON CONFLICT DO UPDATE SET day = max(day, excluded.day)", (day,)
        )

    def forget(self, before: int) -> None:
        """Forget names that came last before a day, and names missed before it: no segment in force has them."""
        self._db.execute("DELETE FROM name WHERE day < ?", (before,))
        self._db.execute("DELETE FROM unnamed WHERE day < ?", (before,))

    def grow(self) -> None:
        """Take a list over that was made without days: what it lacks is among the segments with too many names."""
        if "day" in {row[1] for row in self._db.execute("PRAGMA table_info(name)")}:
            return
        last, unread = self._db.execute(
            "SELECT coalesce(max(day), 0), coalesce(sum(rest IS NULL), 0) FROM segment WHERE retired IS NULL"
        ).fetchone()
        self._db.execute("ALTER TABLE name ADD COLUMN day INTEGER NOT NULL DEFAULT 0")
        self._db.execute("UPDATE name SET day = ?", (last,))
        if unread:
            self.miss(last)

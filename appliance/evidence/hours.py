"""Events in a cluster: what an index got in an hour becomes an entry, and so does each index that retention deleted.

The cluster's writer sums the documents as they go (`appliance/store/elastic/sums.py`); read beside it. An hour that got
more after its entry, from a station that was away, gets another one: the last says how it is to be.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from appliance.clock import HOUR, MINUTE
from appliance.evidence.ledger import Appending, Draft, Ledger

GRACE = 15 * MINUTE
"""After its end an hour is left open so long: its last events are still on their way to the cluster."""
_CHANGES, _DELETIONS = "cluster_changes", "cluster_deletions"
"""Names of cursors."""


def ref_of(index: str, hour: int) -> str:
    """Return what the entries of an hour are found by."""
    return f"{index} {hour}"


def note_cluster(ledger: Ledger, appending: Appending, spool: Path, now: int) -> None:
    """Append entries for hours that ended and for indices that went. Raises sqlite3.Error."""
    if not spool.is_file():
        return
    with closing(sqlite3.connect(f"file:{spool}?mode=ro", uri=True, timeout=10, isolation_level=None)) as db:
        db.execute("BEGIN")
        # The last of its tables: without it the writer has not been here yet, or it was an older one.
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'changed'").fetchone():
            return
        _hours(db, ledger, appending, now)
        for number, payload in _deletions(db, int(ledger.cursor(_DELETIONS) or 0)):
            appending.add(Draft("index_deletion", payload, str(payload["index"])))
            appending.set(_DELETIONS, number)


def _hours(db: sqlite3.Connection, ledger: Ledger, appending: Appending, now: int) -> None:
    rows = db.execute(
        "SELECT name, hour, events, digest, number FROM changed JOIN hour USING (name, hour) WHERE number > ?"
        " ORDER BY hour, name",
        (_after(db, ledger),),
    ).fetchall()
    still_open = [number for _, hour, *_, number in rows if hour + HOUR + GRACE > now]
    for index, hour, events, digest, _ in rows:
        if hour + HOUR + GRACE <= now and _sealed(ledger, index, hour) != digest:
            payload = {"digest": digest, "events": events, "hour": hour, "index": index}
            appending.add(Draft("hour", payload, ref_of(index, hour)))
    if rows:
        # An hour that is still open is looked at again, whichever changed before or after it.
        appending.set(_CHANGES, min(still_open) - 1 if still_open else max(row[-1] for row in rows))


def _after(db: sqlite3.Connection, ledger: Ledger) -> int:
    """Return the number of the last change that was looked at; 0 also for a spool that began anew."""
    at = int(ledger.cursor(_CHANGES) or 0)
    newest = db.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'changed'").fetchone()[0]
    return at if at <= newest else 0


def _sealed(ledger: Ledger, index: str, hour: int) -> str:
    """Return the digest that the hour's last entry has, empty without one."""
    found = [str(entry["payload"]["digest"]) for entry in ledger.of_kind("hour", ref=ref_of(index, hour))]
    return found[-1] if found else ""


def _deletions(db: sqlite3.Connection, after: int) -> Iterator[tuple[int, dict[str, str | int]]]:
    if db.execute("SELECT coalesce(max(rowid), 0) FROM deletion").fetchone()[0] < after:
        after = 0
    names = ("at", "reason", "day", "index", "events", "bytes")
    for number, *row in db.execute(
        "SELECT rowid, at, reason, day, name, events, bytes FROM deletion WHERE rowid > ? ORDER BY rowid", (after,)
    ):
        yield number, dict(zip(names, row, strict=True))

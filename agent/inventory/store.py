"""What the host last was: items and verdicts with the round of their last change, in a SQLite file.

A round's number comes back as the bookmark that the agent saves together with the records, so a round whose records
were lost between here and the spool is sent again by the next: everything changed after the last bookmark.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

from agent.inventory.section import DAY
from agent.posture.check import Finding
from agent.wire.event import Record
from agent.wire.inventory import PROBLEM_FIELD, WHOLE_FIELD, canonical, item_record, state_record
from agent.wire.posture import finding_record
from agent.wire.sending.damage import opened

_SCHEMA = """
CREATE TABLE IF NOT EXISTS rounds(one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL,
    judged INTEGER NOT NULL DEFAULT -1);
CREATE TABLE IF NOT EXISTS sections(name TEXT PRIMARY KEY, revision INTEGER NOT NULL, round INTEGER NOT NULL,
    checked INTEGER NOT NULL, said INTEGER NOT NULL, problem TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS items(section TEXT NOT NULL, key TEXT NOT NULL, fields TEXT, revision INTEGER NOT NULL,
    round INTEGER NOT NULL, PRIMARY KEY (section, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS findings(name TEXT PRIMARY KEY, result TEXT NOT NULL, reason TEXT NOT NULL,
    value TEXT NOT NULL, revision INTEGER NOT NULL, round INTEGER NOT NULL, said INTEGER NOT NULL) WITHOUT ROWID;
"""


class Store:
    """The host's last state. Times are seconds since the epoch."""

    def __init__(self, path: Path) -> None:
        """Open or make the file; one that is damaged is set aside, and then everything is sent again."""
        self._db, _ = opened(path, _prepare, isolation_level=None, timeout=10.0)
        with contextlib.suppress(OSError):
            path.chmod(0o600)

    def begin(self, seen: int) -> int:
        """Begin a round and return its number; `seen` is the last one whose records the agent has kept.

        A bookmark ahead of the file means that the file was begun anew: its numbers go on above it.
        """
        row = self._db.execute("SELECT number FROM rounds").fetchone()
        number = max(row[0] if row else 0, seen) + 1
        with self._transaction():
            self._db.execute(
                "INSERT INTO rounds(one, number) VALUES (1, ?) ON CONFLICT(one) DO UPDATE SET number = ?", (number,) * 2
            )
            self._db.execute("DELETE FROM items WHERE fields IS NULL AND round <= ?", (seen,))
        return number

    def due(self, name: str, every: int, now: float) -> bool:
        """Say whether a section's time has come; also after the clock was set back."""
        row = self._db.execute("SELECT checked FROM sections WHERE name = ?", (name,)).fetchone()
        return row is None or not 0 <= now - row[0] < every

    def posture_due(self, every: int, now: float) -> bool:
        """Say whether the checks' time has come; also after the clock was set back."""
        row = self._db.execute("SELECT judged FROM rounds").fetchone()
        return row is None or row[0] < 0 or not 0 <= now - row[0] < every

    def posture_done(self, now: float) -> None:
        """Note that the checks were judged."""
        self._db.execute("UPDATE rounds SET judged = ?", (int(now),))

    def keep(self, section: str, items: Mapping[str, Record], round_: int, now: float, *, whole: bool = False) -> None:
        """Note what a section is now; `whole` sends everything again under a new revision."""
        texts = {key: canonical(fields) for key, fields in items.items()}
        before = self._texts(section)
        revision, problem = self._section(section)
        gone = [key for key in before if key not in texts]
        changed = [key for key, text in texts.items() if whole or before.get(key) != text]
        new = revision is None or bool(gone or changed) or whole
        number = (revision or 0) + (1 if new else 0)
        with self._transaction():
            self._db.executemany(
                "INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?)",
                [(section, key, texts.get(key), number, round_) for key in (*changed, *gone)],
            )
            self._note(section, number, round_ if new or problem else None, now, "")

    def items(self, section: str) -> dict[str, Record]:
        """Return what a section last was."""
        return {key: _fields(text) for key, text in self._texts(section).items()}

    def keep_problem(self, section: str, problem: str, round_: int, now: float) -> None:
        """Note that a section could not be looked at; its items stay what they were."""
        revision, before = self._section(section)
        with self._transaction():
            self._note(section, revision or 0, None if before == problem else round_, now, problem)

    def keep_finding(self, name: str, finding: Finding, round_: int, now: float, *, whole: bool = False) -> None:
        """Note a verdict; it is said again when it changed, or a day after it was last said."""
        row = self._db.execute(
            "SELECT result, reason, value, revision, said FROM findings WHERE name = ?", (name,)
        ).fetchone()
        changed = row is None or tuple(row[:3]) != tuple(finding)
        if changed or whole or not 0 <= now - row[4] < DAY:
            revision = (row[3] if row else 0) + (1 if changed else 0)
            with self._transaction():
                self._db.execute(
                    "INSERT OR REPLACE INTO findings VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (name, *finding, revision, round_, int(now)),
                )

    def records(self, seen: int, round_: int, now: float, *, whole: bool = False) -> Iterator[Record]:
        """Return what is to be sent: all that changed after the round `seen`, and each section's state once a day."""
        for section, key, fields, revision in self._db.execute(
            "SELECT section, key, fields, revision FROM items WHERE round > ? ORDER BY section, key", (seen,)
        ):
            yield item_record(section, key, _fields(fields), present=fields is not None, revision=revision)
        for name, revision, problem in self._db.execute(
            "SELECT name, revision, problem FROM sections WHERE round > ? OR said > ? OR said <= ?",
            (seen, int(now), int(now) - DAY),
        ).fetchall():
            told = state_record(name, self._texts(name), revision)
            yield {**told, **({PROBLEM_FIELD: problem} if problem else {}), **({WHOLE_FIELD: True} if whole else {})}
            self._db.execute("UPDATE sections SET said = ?, round = ? WHERE name = ?", (int(now), round_, name))
        for row in self._db.execute(
            "SELECT name, result, reason, value, revision FROM findings WHERE round > ? ORDER BY name", (seen,)
        ):
            yield finding_record(*row)

    def findings(self) -> dict[str, Finding]:
        """Return the last verdicts by check."""
        rows = self._db.execute("SELECT name, result, reason, value FROM findings ORDER BY name")
        return {name: Finding(*rest) for name, *rest in rows}

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _texts(self, section: str) -> dict[str, str]:
        rows = self._db.execute("SELECT key, fields FROM items WHERE section = ? AND fields IS NOT NULL", (section,))
        return dict(rows.fetchall())

    def _section(self, name: str) -> tuple[int | None, str]:
        row = self._db.execute("SELECT revision, problem FROM sections WHERE name = ?", (name,)).fetchone()
        return (None, "") if row is None else (row[0], row[1])

    def _note(self, name: str, revision: int, round_: int | None, now: float, problem: str) -> None:
        """Write a section's line; without a round it was looked at and nothing changed."""
        self._db.execute(
            "INSERT INTO sections VALUES (:name, :revision, coalesce(:round, 0), :now, 0, :problem) "
            "ON CONFLICT(name) DO UPDATE SET revision = :revision, round = coalesce(:round, round), checked = :now, "
            "problem = :problem",
            {"name": name, "revision": revision, "round": round_, "now": int(now), "problem": problem},
        )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def _fields(text: str | None) -> Record:
    return {} if text is None else dict(json.loads(text))


def _prepare(database: sqlite3.Connection) -> None:
    database.executescript(_SCHEMA)

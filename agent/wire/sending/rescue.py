"""What can still be read of a damaged spool: small values, losses, and the records on both sides of the damage."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from agent.wire.sending.sensor import Gap

CHUNK = 2000
"""Rows that are read at once."""
_FORWARDS = "SELECT seq, priority, body FROM records WHERE seq > ? ORDER BY seq LIMIT ?"
_BACKWARDS = "SELECT seq, priority, body FROM records WHERE seq < ? AND seq > ? ORDER BY seq DESC LIMIT ?"
_PRIORITIES = frozenset({0, 1, 2, 3})


class Row(NamedTuple):
    """One encoded record and its place in the order of dropping."""

    seq: int
    priority: int
    body: bytes


class Wreck:
    """A damaged spool that was set aside. Whatever cannot be read is left out."""

    def __init__(self, path: Path) -> None:
        """Open the file; raises sqlite3.Error when not even that can be done."""
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.text_factory = _text

    def values(self) -> dict[str, str]:
        """Return the small values that were kept, bookmarks among them."""
        found = self._readable("SELECT name, value FROM state")
        return {name: value for name, value in found if isinstance(name, str) and isinstance(value, str) and value}

    def losses(self) -> list[Gap]:
        """Return the losses that were noted and not yet told."""
        found = self._readable("SELECT cause, count, first, last, priority FROM losses")
        return [Gap(*row) for row in found if isinstance(row[0], str) and all(type(one) is int for one in row[1:])]

    def records(self) -> Iterator[list[Row]]:
        """Yield the records from the first to the damage, then from the last back to it; each chunk in their order."""
        seen = 0
        while rows := self._chunk(_FORWARDS, (seen,), lambda seq: seq > seen):  # noqa: B023 (used at once)
            seen = rows[-1].seq
            yield _whole(rows)
        before = (1 << 63) - 1
        while rows := self._chunk(_BACKWARDS, (before, seen), lambda seq: seen < seq < before):  # noqa: B023 (at once)
            before = rows[-1].seq
            yield _whole(rows[::-1])

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(sqlite3.Error):
            self._db.close()

    def _chunk(self, query: str, values: Sequence[int], fits: Callable[[int], bool]) -> list[Row]:
        """Return the next rows up to the damage; where their numbers are damaged, those that fit, so that it ends."""
        return [row for found in self._readable(query, *values, CHUNK) if fits((row := Row(*found)).seq)]

    def _readable(self, query: str, *values: int) -> Iterator[tuple[Any, ...]]:
        """Yield what a question finds before it comes by damage."""
        with contextlib.suppress(sqlite3.Error, OSError):
            yield from self._db.execute(query, values)


def _whole(rows: Iterable[Row]) -> list[Row]:
    """Return the rows that can be sent."""
    return [row for row in rows if row.priority in _PRIORITIES and _is_record(row.body)]


def _is_record(body: object) -> bool:
    try:
        return isinstance(body, bytes) and isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")

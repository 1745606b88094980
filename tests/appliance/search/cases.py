"""The corpus of queries: each with the events that it finds, for every engine to answer.

`corpus/events.ndjson` holds the events, numbered from 1; `corpus/queries.txt` has a query a line behind the numbers of
the events that it finds (`all`, `none`, `all but 3 4`). It is asked at `NOW`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import orjson

from appliance.normalise.model import Event

FOLDER = Path(__file__).parent / "corpus"
QUERIES = FOLDER / "queries.txt"
NOW = 1_795_348_800_000_000
"""2026-11-22T12:00:00Z, a Sunday."""


@dataclass(frozen=True, slots=True)
class Case:
    """A query, the ids that it finds, and its line in the file."""

    line: int
    query: str
    wanted: frozenset[str]

    def __str__(self) -> str:
        return f"{QUERIES}:{self.line}: {self.query}"


@cache
def events() -> tuple[Event, ...]:
    """Return the events, lists as tuples."""
    rows = [orjson.loads(line) for line in (FOLDER / "events.ndjson").read_bytes().splitlines()]
    return tuple({name: tuple(v) if isinstance(v, list) else v for name, v in row.items()} for row in rows)


@cache
def cases() -> tuple[Case, ...]:
    """Return every query of the file."""
    found = []
    for number, line in enumerate(QUERIES.read_text("utf-8").split("\n"), 1):
        wanted, bar, query = line.partition(" | ")
        if bar and not line.startswith("#"):
            found.append(Case(number, query, _ids(wanted)))
    return tuple(found)


def _ids(wanted: str) -> frozenset[str]:
    ids = [str(event["event.id"]) for event in events()]
    if wanted == "none":
        return frozenset()
    numbers = [int(number) for number in wanted.removeprefix("all").removeprefix(" but").split()]
    named = frozenset(ids[number - 1] for number in numbers)
    return frozenset(ids) - named if wanted.startswith("all") else named

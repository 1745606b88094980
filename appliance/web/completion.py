"""Suggestions for the box in which a query is written: names of fields, and values that stored events have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from appliance.search import Kind, QueryError
from appliance.search.complete import TIMES, Place, names, place, written
from appliance.store import QueryTimeout, Store
from appliance.store.bounds import bounded

MOST = 12
SECONDS = 2.0
_LONG = 300
"""Characters past which a value is not offered."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What may stand there, and in how many of the newest events it does (None for names and times)."""

    text: str
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Suggestions:
    """Suggestions for the part of the query from `start` to `end`, most likely first."""

    kind: Literal["field", "value", "none"]
    start: int
    end: int
    items: list[Suggestion]


def suggest(store: Store, query: str, at: int, since: int | None, until: int | None) -> Suggestions:
    """Return what may be written at a place of a query. Values that cannot be had in time are left out."""
    found = place(query, min(at, len(query)))
    if found is None:
        return Suggestions("none", at, at, [])
    items = _names(store, found) if found.kind == "field" else _values(store, found, since, until)
    return Suggestions(found.kind, found.start, found.end, items)


def _names(store: Store, found: Place) -> list[Suggestion]:
    colon = ":" if found.colon else ""
    return [Suggestion(name + colon) for name in names(store.fields(), found.prefix, MOST)]


def _values(store: Store, found: Place, since: int | None, until: int | None) -> list[Suggestion]:
    try:
        fields = store.fields().resolve(found.field)
        if any(field.kind is Kind.DATE for field in fields):
            return [Suggestion(time) for time in TIMES if time.startswith(found.prefix)]
        with bounded(seconds=SECONDS):
            values = store.values(found.field, found.prefix, MOST, since, until)
    except (QueryError, QueryTimeout):
        return []
    texts = [("true" if value is True else "false" if value is False else str(value), count) for value, count in values]
    return [Suggestion(written(text), count) for text, count in texts if len(text) <= _LONG]

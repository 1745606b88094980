"""Pieces of the engines' JSON queries. Pure; never `query_string`, so no text of a person is ever parsed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from appliance.search.fold import fold
from appliance.search.nodes import Pattern, Wild

Clause = dict[str, Any]
ALL: Clause = {"match_all": {}}
NONE: Clause = {"match_none": {}}
SAFE = 0x180
"""Below it every Unicode version lowers characters alike: ASCII, Latin-1 and Latin Extended-A, which has Polish."""


def any_of(clauses: Iterable[Clause]) -> Clause:
    """Return what at least one clause finds."""
    # Tests on one field share their doubts: they are asked for once.
    kept = [one for one in {repr(one): one for one in clauses}.values() if one != NONE]
    if ALL in kept:
        return ALL
    return NONE if not kept else kept[0] if len(kept) == 1 else {"bool": {"should": kept, "minimum_should_match": 1}}


def all_of(clauses: Iterable[Clause]) -> Clause:
    """Return what every clause finds."""
    kept = [one for one in clauses if one != ALL]
    if NONE in kept:
        return NONE
    return ALL if not kept else kept[0] if len(kept) == 1 else {"bool": {"filter": kept}}


def none_of(clause: Clause) -> Clause:
    """Return what a clause does not find."""
    if clause in (ALL, NONE):
        return NONE if clause == ALL else ALL
    return {"bool": {"must_not": [clause]}}


def exists(path: str) -> Clause:
    """Return what has an indexed value."""
    return {"exists": {"field": path}}


def term(path: str, value: str | int | bool) -> Clause:
    """Return what has this very value; lowercased on both sides where the field is."""
    return {"term": {path: {"value": value}}}


def wildcard(path: str, pattern: str) -> Clause:
    """Return what has a value of this pattern."""
    return {"wildcard": {path: {"value": pattern}}}


def span(path: str, **bounds: Any) -> Clause:
    """Return what has a value within bounds."""
    return {"range": {path: bounds}}


def size(clause: Clause) -> int:
    """Return how many single clauses a query has."""
    return sum(map(size, children)) if (children := _children(clause)) else 1


def widened(clause: Clause, most: int) -> Clause:
    """Return a query of at most so many clauses that finds all that this one does, and more when it has to."""
    if size(clause) <= most:
        return clause
    body = clause.get("bool", {})
    if most < 1 or not body or "must_not" in body:
        return ALL
    children = sorted(_children(clause), key=size)
    if "should" in body:
        return any_of(widened(one, most // len(children)) for one in children)
    kept: list[Clause] = []
    for at, one in enumerate(children):
        kept.append(widened(one, (most - sum(map(size, kept))) // (len(children) - at)))
    return all_of(kept)


def _children(clause: Clause) -> list[Clause]:
    body = clause.get("bool", {})
    return [*body.get("should", ()), *body.get("filter", ()), *body.get("must_not", ())]


def is_safe(text: str) -> bool:
    """Return whether the engine lowers this text as `fold` does."""
    return text.isascii() or all(ord(character) < SAFE for character in text)


def literal(text: str) -> str:
    """Return a text as a piece of a wildcard's pattern; any character stands where the engine may lower otherwise."""
    return "".join(_literal(character) for character in fold(text))


def _literal(character: str) -> str:
    if ord(character) >= SAFE:
        return "?"
    return f"\\{character}" if character in "*?\\" else character


def pattern_text(test: Pattern) -> str:
    """Return a pattern in the engine's writing."""
    body = "".join(part.value if isinstance(part, Wild) else literal(part) for part in test.parts)
    return f"*{body}*" if test.inside else body


def is_sure(test: Pattern) -> bool:
    """Return whether the engine finds exactly what a pattern means."""
    return all(isinstance(part, Wild) or is_safe(part) for part in test.parts)

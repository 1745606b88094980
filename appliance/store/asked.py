"""A question as the embedded reader works on it, and which segments it asks together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.search import Node
from appliance.search.nodes import And, Everything, Leaf, Not, Or
from appliance.store.manifest import Segment
from appliance.store.model import Cursor


@dataclass(frozen=True, slots=True)
class Asked:
    """A question's tree and range of time; for searches also the place to go on from and the direction."""

    node: Node
    start: int | None = None
    end: int | None = None
    limit: int = 0
    after: Cursor | None = None
    descending: bool = True
    only: frozenset[str] = frozenset()
    """Fields that are wanted beside those that the question looks at, where whole events are not; else none."""


def chunk_of(waiting: Sequence[Segment], rows: int) -> list[Segment]:
    """Return the first segments that have together no more than so many rows, at least one."""
    chunk: list[Segment] = []
    for segment in waiting:
        if chunk and rows < segment.rows:
            break
        chunk.append(segment)
        rows -= segment.rows
    return chunk


def settled(hits: Sequence[tuple[int, bytes]], asked: Asked, following: Segment) -> bool:
    """Return whether no event of the segments still waiting can come before the last hit."""
    if len(hits) <= asked.limit:
        return False
    last = hits[asked.limit][0]
    return last > following.max_time if asked.descending else last < following.min_time


def parts_of(node: Node, segments: Sequence[Segment]) -> list[list[Segment]]:
    """Return the segments in at most two parts: those whose column `rest` need not be read for a question, and others.

    Lists are dear to read: a field that one segment has there must not cost every other segment its column.
    """
    without = [one for one in segments if spared(one, node)]
    return [part for part in (without, [one for one in segments if one not in without]) if part]


def spared(segment: Segment, node: Node, more: frozenset[str] = frozenset()) -> bool:
    """Return whether the column `rest` of a segment need not be read for a question, and for some more fields."""
    names = named(node)
    return names is not None and segment.rest is not None and segment.rest.isdisjoint(names | more)


def named(node: Node) -> frozenset[str] | None:
    """Return the names of the fields that a question looks at; None when it looks at all."""
    match node:
        case Everything():
            return frozenset()
        case And(children) | Or(children):
            return _all(children)
        case Not(child):
            return named(child)
        case Leaf(fields, _, _):
            return frozenset(field.name for field in fields) if fields else None


def _all(children: Sequence[Node]) -> frozenset[str] | None:
    found: frozenset[str] = frozenset()
    for child in children:
        names = named(child)
        if names is None:
            return None
        found |= names
    return found

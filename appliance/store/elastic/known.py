"""Which events a cluster has, in whatever index, and what their documents say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from appliance.search.nodes import Everything
from appliance.store.bounds import Bounds
from appliance.store.elastic.clauses import ALL, all_of, none_of, term
from appliance.store.elastic.documents import Item, dump
from appliance.store.elastic.questions import Asked, Questions

IDS = 5000
"""Ids of one question."""


def stored(questions: Questions, times: Mapping[str, int], limits: Bounds) -> set[str]:
    """Return the ids that the cluster has; `times` are their events'. Raises QueryTimeout and StoreUnavailable."""
    return {hit["_id"] for hit in _hits(questions, times, limits, source=False)}


def elsewhere(questions: Questions, items: Sequence[Item], limits: Bounds) -> set[str]:
    """Return the ids of items that the cluster has in another index than theirs.

    That of another day, of another class when what the box makes of the record has changed, or of all classes. An event
    keeps its time however late it comes again, so indices in which nothing happened between the first and the last of
    the items are passed over by the engine. Raises QueryTimeout and StoreUnavailable.
    """
    found: set[str] = set()
    for index in sorted({item.index for item in items}):
        times = {item.id: item.time for item in items if item.index == index}
        found |= {hit["_id"] for hit in _hits(questions, times, limits, source=False, beside=index)}
    return found


def documents(questions: Questions, times: Mapping[str, int], limits: Bounds) -> Iterator[Item]:
    """Yield the documents of these ids as they are in the cluster. Raises as `stored`."""
    for hit in _hits(questions, times, limits, source=True):
        yield Item(hit["_index"], hit["_id"], times[hit["_id"]], dump(hit["_source"]))


def _hits(
    questions: Questions, times: Mapping[str, int], limits: Bounds, *, source: bool, beside: str | None = None
) -> Iterator[Mapping[str, Any]]:
    """Yield what the cluster says of ids; with `beside` in all indices but that one."""
    if not times:
        return
    when = Asked(Everything(), min(times.values()), max(times.values()) + 1).when
    others = ALL if beside is None else none_of(term("_index", beside))
    ids = list(times)
    for at in range(0, len(ids), IDS):
        part = ids[at : at + IDS]
        query = all_of([{"ids": {"values": part}}, when, others])
        answer = questions.ask(limits, size=len(part), query=query, source=source, track_total_hits=False)
        yield from answer["hits"]["hits"]

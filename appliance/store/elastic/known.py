"""Which events a cluster has, in whatever index, and what their documents say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from appliance.search.nodes import Everything
from appliance.store.bounds import Bounds
from appliance.store.elastic.clauses import Clause, all_of, none_of, term
from appliance.store.elastic.documents import Item, dump
from appliance.store.elastic.questions import Asked, Questions

IDS = 5000
"""Ids of one question."""


def stored(questions: Questions, times: Mapping[str, int], limits: Bounds) -> set[str]:
    """Return the ids that the cluster has; `times` are their events'. Raises QueryTimeout and StoreUnavailable."""
    return {hit["_id"] for hit in _hits(questions, times, limits, source=False)}


def elsewhere(questions: Questions, items: Sequence[Item], limits: Bounds) -> set[str]:
    """Return the ids of items that the cluster has in another index than theirs, and perhaps of some in their own.

    An event keeps its time however late it comes again. So an index in which nothing happened between the first and the
    last of the items has none of them, and it is enough to ask whether there is such a thing at all; only if so, which.
    Raises QueryTimeout and StoreUnavailable.
    """
    found: set[str] = set()
    for index in sorted({item.index for item in items}):
        times = {item.id: item.time for item in items if item.index == index}
        query = all_of([_when(times), none_of(term("_index", index))])
        answer = questions.ask(limits, size=0, terminate_after=1, track_total_hits=True, query=query)
        if answer["hits"]["total"]["value"]:
            found |= stored(questions, times, limits)
    return found


def documents(questions: Questions, times: Mapping[str, int], limits: Bounds) -> Iterator[Item]:
    """Yield the documents of these ids as they are in the cluster. Raises as `stored`."""
    for hit in _hits(questions, times, limits, source=True):
        yield Item(hit["_index"], hit["_id"], times[hit["_id"]], dump(hit["_source"]))


def _hits(
    questions: Questions, times: Mapping[str, int], limits: Bounds, *, source: bool
) -> Iterator[Mapping[str, Any]]:
    if not times:
        return
    when = _when(times)
    ids = list(times)
    for at in range(0, len(ids), IDS):
        part = ids[at : at + IDS]
        query = all_of([{"ids": {"values": part}}, when])
        answer = questions.ask(limits, size=len(part), query=query, source=source, track_total_hits=False)
        yield from answer["hits"]["hits"]


def _when(times: Mapping[str, int]) -> Clause:
    return Asked(Everything(), min(times.values()), max(times.values()) + 1).when

"""Which events a cluster has, in whatever index, and what their documents say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from appliance.search.nodes import Everything
from appliance.store.bounds import Bounds
from appliance.store.elastic.clauses import all_of
from appliance.store.elastic.documents import Item, dump
from appliance.store.elastic.questions import Asked, Questions

IDS = 5000
"""Ids of one question."""


def stored(questions: Questions, times: Mapping[str, int], limits: Bounds) -> set[str]:
    """Return the ids that the cluster has; `times` are their events'. Raises QueryTimeout and StoreUnavailable."""
    return {hit["_id"] for hit in _hits(questions, times, limits, source=False)}


def documents(questions: Questions, times: Mapping[str, int], limits: Bounds) -> Iterator[Item]:
    """Yield the documents of these ids as they are in the cluster. Raises as `stored`."""
    for hit in _hits(questions, times, limits, source=True):
        yield Item(hit["_index"], hit["_id"], times[hit["_id"]], dump(hit["_source"]))


def _hits(
    questions: Questions, times: Mapping[str, int], limits: Bounds, *, source: bool
) -> Iterator[Mapping[str, Any]]:
    if not times:
        return
    when = Asked(Everything(), min(times.values()), max(times.values()) + 1).when
    ids = list(times)
    for at in range(0, len(ids), IDS):
        part = ids[at : at + IDS]
        query = all_of([{"ids": {"values": part}}, when])
        answer = questions.ask(limits, size=len(part), query=query, source=source, track_total_hits=False)
        yield from answer["hits"]["hits"]

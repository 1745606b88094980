"""Which events a cluster has, in whatever index."""

from __future__ import annotations

from collections.abc import Mapping

from appliance.search.nodes import Everything
from appliance.store.bounds import Bounds
from appliance.store.elastic.clauses import all_of
from appliance.store.elastic.questions import Asked, Questions

IDS = 5000
"""Ids of one question."""


def stored(questions: Questions, times: Mapping[str, int], limits: Bounds) -> set[str]:
    """Return the ids that the cluster has; `times` are their events'. Raises QueryTimeout and StoreUnavailable."""
    if not times:
        return set()
    when = Asked(Everything(), min(times.values()), max(times.values()) + 1).when
    ids = list(times)
    found: set[str] = set()
    for at in range(0, len(ids), IDS):
        part = ids[at : at + IDS]
        query = all_of([{"ids": {"values": part}}, when])
        answer = questions.ask(limits, size=len(part), query=query, source=False, track_total_hits=False)
        found |= {hit["_id"] for hit in answer["hits"]["hits"]}
    return found

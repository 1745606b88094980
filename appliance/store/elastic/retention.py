"""Which indices go, and their deletion: by exact name, since clusters refuse patterns for good reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import structlog
from elasticsearch import Elasticsearch, NotFoundError

from appliance.clock import DAY, to_datetime
from appliance.settings import ElasticSettings
from appliance.store.elastic.client import writing
from appliance.store.elastic.mapping import day_of
from appliance.store.elastic.spool import Deleted, Spool
from appliance.store.model import Retained

SECONDS = 60.0
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Index:
    """An index of events and its size, copies included."""

    name: str
    day: int
    events: int
    bytes: int


def choose(indices: Sequence[Index], today: int, days: int, max_bytes: int | None) -> list[tuple[str, Index]]:
    """Return (reason, index) to delete, oldest day first: `age`, then `size`. Today is never deleted."""
    total = sum(index.bytes for index in indices)
    chosen: list[tuple[str, Index]] = []
    for day, group in groupby(sorted(indices, key=lambda one: (one.day, one.name)), key=lambda one: one.day):
        aged = day < today - days
        if day >= today or not (aged or (max_bytes is not None and total > max_bytes)):
            break
        for index in group:
            total -= index.bytes
            chosen.append(("age" if aged else "size", index))
    return chosen


@dataclass(frozen=True, slots=True)
class Retention:
    """Deletes old indices and writes down each."""

    client: Elasticsearch
    settings: ElasticSettings
    spool: Spool

    def indices(self) -> list[Index]:
        """Return the indices of events that are there. Raises StoreUnavailable."""
        prefix = self.settings.index
        with writing():
            told = self.client.options(request_timeout=SECONDS).indices.stats(
                index=f"{prefix}-*", metric=["docs", "store"], level="indices"
            )
        found = []
        for name, one in told["indices"].items():
            day = day_of(prefix, name)
            if day is not None:
                size = one["total"].get("store", {}).get("size_in_bytes", 0)
                found.append(Index(name, day, one["primaries"].get("docs", {}).get("count", 0), size))
        return found

    def run(self, days: int, now: int) -> Retained:
        """Delete what is due; return what went. Raises StoreUnavailable."""
        gone: list[Deleted] = []
        try:
            for reason, index in choose(self.indices(), now // DAY, days, self.settings.max_bytes):
                self._delete(index.name)
                log.info("index_deleted", index=index.name, reason=reason, events=index.events)
                gone.append(Deleted(now, reason, index.day, index.name, index.events, index.bytes))
        finally:
            self.spool.note_deletions(gone)
        upto = to_datetime(gone[-1].day * DAY).strftime("%Y-%m-%d") if gone else None
        return Retained(sum(one.events for one in gone), sum(one.bytes for one in gone), len(gone), upto)

    def _delete(self, name: str) -> None:
        with writing():
            try:
                self.client.options(request_timeout=SECONDS).indices.delete(index=name)
            except NotFoundError:
                log.info("index_already_gone", index=name)

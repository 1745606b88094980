"""Which indices go, and their deletion: by exact name, since clusters refuse patterns for good reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

import structlog
from elasticsearch import BadRequestError, Elasticsearch, NotFoundError

from appliance.clock import DAY, to_datetime
from appliance.search import Field, Kind
from appliance.search.fold import fold
from appliance.search.nodes import Leaf, Pattern
from appliance.settings import ElasticSettings
from appliance.store.elastic.clauses import ALL, Clause, all_of, any_of
from appliance.store.elastic.client import writing
from appliance.store.elastic.compile import compile_node
from appliance.store.elastic.mapping import contents_of
from appliance.store.elastic.questions import Asked
from appliance.store.elastic.spool import Deleted, Spool
from appliance.store.model import Hold, Keeping, Retained
from appliance.store.retention import in_order

SECONDS = 60.0
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Index:
    """An index of events of a day of arrival and a class ("": of all), and its size, copies included."""

    name: str
    day: int
    source_class: str
    events: int
    bytes: int


def listed(client: Elasticsearch, prefix: str, seconds: float = SECONDS) -> list[Index]:
    """Return the indices of events that are there, by day. Raises the client's errors."""
    told = client.options(request_timeout=seconds).indices.stats(
        index=f"{prefix}-*", metric=["docs", "store"], level="indices"
    )
    found = []
    for name, one in told["indices"].items():
        contents = contents_of(prefix, name)
        if contents is not None:
            size = one["total"].get("store", {}).get("size_in_bytes", 0)
            found.append(Index(name, *contents, one["primaries"].get("docs", {}).get("count", 0), size))
    return sorted(found, key=lambda one: (one.day, one.name))


@dataclass(slots=True)
class Choice:
    """(reason, index) to delete, in this order: `age`, then `size`; and what stays though it is due.

    `held` are events of indices with held ones; the store is `over` its bytes by so many after all that may go.
    """

    gone: list[tuple[str, Index]] = field(default_factory=list)
    held: int = 0
    over: int = 0


def choose(indices: Sequence[Index], today: int, keeping: Keeping, is_held: Callable[[Index], bool]) -> Choice:
    """Choose the indices past the days of their class, then some past the bytes; never today's, nor what is held.

    The order is that of the embedded store. An index of all classes stays as long as the longest.
    """
    groups: dict[tuple[int, str], list[Index]] = defaultdict(list)
    for index in indices:
        groups[index.day, index.source_class].append(index)
    chosen, total = Choice(), sum(index.bytes for index in indices)
    for reason, group in in_order(groups, today, keeping):
        if reason == "size" and (keeping.max_bytes is None or total <= keeping.max_bytes):
            break
        for index in groups[group]:
            if is_held(index):
                chosen.held += index.events
            else:
                total -= index.bytes
                chosen.gone.append((reason, index))
    chosen.over = max(0, total - keeping.max_bytes) if keeping.max_bytes is not None else 0
    return chosen


def covering(hold: Hold) -> Clause:
    """Return what finds every event that a hold covers, and perhaps others."""
    host = Leaf((Field("host.name", Kind.KEYWORD),), Pattern((fold(hold.host),), False))
    return all_of([Asked(host, hold.start, hold.end).when, compile_node(host).wide if hold.host else ALL])


@dataclass(frozen=True, slots=True)
class Retention:
    """Deletes old indices and writes down each, before and after: what is cut off between the two is settled later."""

    client: Elasticsearch
    settings: ElasticSettings
    spool: Spool

    def run(self, keeping: Keeping, now: int) -> Retained:
        """Delete what is due and not held; return what went. Raises StoreUnavailable.

        The bytes are the settings': `max_bytes` of `keeping` speaks of this machine's disk.
        """
        keeping = replace(keeping, max_bytes=self.settings.max_bytes)
        with writing():
            there = listed(self.client, self.settings.index)
        choice = choose(there, now // DAY, keeping, lambda index: self._is_held(index, keeping.holds))
        gone = self._settled({index.name for index in there}, {index.name for _, index in choice.gone})
        for reason, index in choice.gone:
            one = Deleted(now, reason, index.day, index.name, index.events, index.bytes)
            self.spool.mean_deletion(one)
            self._delete(index.name)
            self.spool.note_deletions([one])
            log.info("index_deleted", index=index.name, reason=reason, events=index.events)
            gone.append(one)
        upto = to_datetime(max(one.day for one in gone) * DAY).strftime("%Y-%m-%d") if gone else None
        return Retained(
            sum(one.events for one in gone),
            sum(one.bytes for one in gone),
            len(gone),
            upto,
            early=sum(one.events for one in gone if one.reason == "size"),
            held=choice.held,
            over=choice.over,
        )

    def _settled(self, there: AbstractSet[str], due: AbstractSet[str]) -> list[Deleted]:
        """Write down deletions that an earlier run was cut off from, and return them. Raises StoreUnavailable."""
        meant = self.spool.deleting()
        gone = [one for one in meant if one.name not in there and self._is_gone(one.name)]
        self.spool.note_deletions(gone)
        self.spool.withdraw([one.name for one in meant if one.name in there - due])
        return gone

    def _is_gone(self, name: str) -> bool:
        """Whether there is no such index, not even one that is closed and so not listed. Raises StoreUnavailable."""
        with writing():
            try:
                self.client.options(request_timeout=SECONDS).indices.stats(index=name, metric="docs")
            except NotFoundError:
                return True
            except BadRequestError:
                log.warning("index_closed", index=name)
        return False

    def _is_held(self, index: Index, holds: Sequence[Hold]) -> bool:
        """Whether one of an index's events is held. Raises StoreUnavailable."""
        if not holds:
            return False
        clause = any_of(map(covering, holds))
        with writing():
            told = self.client.options(request_timeout=SECONDS).count(index=index.name, query=clause)
        return bool(told["count"])

    def _delete(self, name: str) -> None:
        with writing():
            try:
                self.client.options(request_timeout=SECONDS).indices.delete(index=name)
            except NotFoundError:
                log.info("index_already_gone", index=name)

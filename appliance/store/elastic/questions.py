"""Asking a cluster: bounded in time as a whole, however many requests a question takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from elasticsearch import ApiError, Elasticsearch

from appliance.clock import DAY, MINUTE
from appliance.normalise.model import Event
from appliance.search import Node, matches
from appliance.store.bounds import Bounds, current
from appliance.store.elastic.clauses import Clause, all_of, span
from appliance.store.elastic.client import SLACK_SECONDS, asking
from appliance.store.elastic.documents import date, decode
from appliance.store.elastic.mapping import ID, TEXT, TIME, TIMESTAMP
from appliance.store.elastic.typed import HIGHEST, LOWEST
from appliance.store.model import Cursor, QueryTimeout, StoreUnavailable

PAGE = 1000
SERVICE_UNAVAILABLE = 503
PATIENCE_SECONDS, AGAIN_SECONDS = 3.0, 0.1
FIRST_SLICE, WIDER, LAST_SLICE = MINUTE, 16, 60 * DAY
"""Microseconds of the first part of a question's time, how many times wider the next is, and the widest at most."""
CONCURRENT = 8
"""Requests that may be under way for those who can stop waiting; one that was left alone counts until its own end."""
Answer = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question's tree, its range of time, and how it is ordered."""

    node: Node
    start: int | None = None
    end: int | None = None
    descending: bool = True

    @property
    def when(self) -> Clause:
        """The clause of the range. The date, coarser, lets an engine skip whole indices."""
        bounds: dict[str, int] = {}
        dates: dict[str, str] = {}
        if self.start is not None and self.start > LOWEST:
            bounds["gte"], dates["gte"] = min(self.start, HIGHEST), date(self.start - 1000)
        if self.end is not None and self.end <= HIGHEST:
            bounds["lt"], dates["lte"] = max(self.end, LOWEST), date(self.end + 1000)
        return all_of([span(TIMESTAMP, **dates), span(TIME, **bounds)]) if bounds else all_of([])

    def after(self, cursor: Cursor | None) -> Asked:
        """Return the same question over the time that is left past a cursor."""
        if cursor is None:
            return self
        start, end = cursor.left(self.start, self.end, descending=self.descending)
        return replace(self, start=start, end=end)

    def slices(self, now: int) -> Iterator[Asked]:
        """Yield the question over parts of its time in the order of the answer, each wider than the one before.

        An engine puts in order whatever it finds, which may be millions of events for a page of fifty; most often the
        first part has them all. What nobody bounds begins with `now` (microseconds), or is not parted.
        """
        start, end, width = self.start, self.end, FIRST_SLICE
        edge = start if not self.descending else now if end is None else min(now, end)
        while edge is not None and width <= LAST_SLICE:
            far = edge - width if self.descending else edge + width
            if self.descending and (start is None or far > start):
                yield replace(self, start=far, end=end)
                end = edge = far
            elif not self.descending and (end is None or far < end):
                yield replace(self, start=start, end=far)
                start = edge = far
            else:
                break
            width *= WIDER
        yield replace(self, start=start, end=end)

    @property
    def empty(self) -> bool:
        """Whether nothing can lie in the range."""
        low = LOWEST if self.start is None else self.start
        high = HIGHEST + 1 if self.end is None else self.end
        return low >= high or low > HIGHEST or high <= LOWEST


class Questions:
    """Searches in the indices of one store."""

    def __init__(self, client: Elasticsearch, indices: str, seconds: float) -> None:
        self.client, self.indices, self._seconds = client, indices, seconds
        self._slots = threading.BoundedSemaphore(CONCURRENT)

    def limits(self) -> Bounds:
        """Return the bounds of a question that begins now: its own, and those of the one who asks."""
        return current().within(self._seconds)

    def ask(self, limits: Bounds, **body: Any) -> Answer:
        """Return the answer to one search. Raises QueryTimeout and StoreUnavailable.

        A day's first index is there a moment before it answers; it is waited for.
        """
        patience = limits.within(PATIENCE_SECONDS)
        while True:
            try:
                return self._ask(limits, **body)
            except StoreUnavailable as error:
                if not _is_starting(error) or patience.over():
                    raise
                time.sleep(AGAIN_SECONDS)

    def _ask(self, limits: Bounds, **body: Any) -> Answer:
        limits.check()
        left = limits.left()
        client = self.client.options(request_timeout=left + SLACK_SECONDS)
        with asking():
            answer = self._attended(
                limits,
                lambda: client.search(
                    index=self.indices,
                    timeout=f"{max(1, int(left * 1000))}ms",
                    allow_partial_search_results=False,
                    ignore_unavailable=True,
                    allow_no_indices=True,
                    **body,
                ),
            )
        if "hits" not in answer:
            raise StoreUnavailable("Pod adresem klastra odpowiada coś innego")
        told: Answer = answer.body
        if told.get("timed_out"):
            raise QueryTimeout("the cluster stopped the question at its bound")
        return told

    def _attended(self, limits: Bounds, request: Callable[[], T]) -> T:
        """Return the answer to a request, or stop waiting for it when nobody wants it: the engine ends it in time."""
        if limits.stop is None:
            return request()
        while not self._slots.acquire(timeout=limits.nap()):
            limits.check()
        answer: Future[T] = Future()

        def run() -> None:
            try:
                answer.set_result(request())
            except Exception as error:  # noqa: BLE001 - whatever it is, the one who waits gets it
                answer.set_exception(error)
            finally:
                self._slots.release()

        threading.Thread(target=run, daemon=True).start()
        while not wait([answer], limits.nap()).done:
            limits.check()
        return answer.result()

    def hits(self, limits: Bounds, asked: Asked, clause: Clause, size: int, after: Cursor | None) -> list[Event]:
        """Return one page of the events that a clause finds, in order, without a second look."""
        order = "desc" if asked.descending else "asc"
        body: dict[str, Any] = {"search_after": [after.time, after.id]} if after else {}
        answer = self.ask(
            limits,
            size=size,
            query=clause,
            sort=[
                {TIME: {"order": order, "unmapped_type": "long"}},
                {ID: {"order": order, "unmapped_type": "keyword"}},
            ],
            track_total_hits=False,
            source_excludes=[TEXT],
            **body,
        )
        return [decode(hit["_source"]) for hit in answer["hits"]["hits"]]

    def matching(
        self, limits: Bounds, asked: Asked, clause: Clause, after: Cursor | None = None, size: int = PAGE
    ) -> Iterator[Event]:
        """Yield the events that a clause finds and that answer the question by the reference, in order.

        `size` are the events of the first page.
        """
        while True:
            page = self.hits(limits, asked, clause, size, after)
            yield from (event for event in page if matches(asked.node, event))
            if len(page) < size:
                return
            after, size = cursor_of(page[-1]), PAGE


def _is_starting(error: StoreUnavailable) -> bool:
    cause = error.__cause__
    return isinstance(cause, ApiError) and cause.meta.status == SERVICE_UNAVAILABLE and "shard" in str(cause.body)


def cursor_of(event: Event) -> Cursor:
    """Return an event's place in the order."""
    moment, identity = event["@timestamp"], event["event.id"]
    assert isinstance(moment, int)
    assert isinstance(identity, str)
    return Cursor(moment, identity)

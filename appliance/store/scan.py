"""All events of a store, oldest first, for passes over everything: one question a slice of time, not one a page.

A slice means the same events before and after segments are merged, so a pass beside a running writer misses none and
gives none twice; what arrives late, behind the place reached, is not part of the pass.
"""

from __future__ import annotations

from collections.abc import Iterator

from appliance.normalise.model import Event
from appliance.search.nodes import Everything
from appliance.store.model import Store
from appliance.store.reader import MAX_LIMIT

ROWS = 5000
"""Events in memory at a time, at most."""


def scan(reader: Store, start: int | None = None, end: int | None = None, rows: int = ROWS) -> Iterator[Event]:
    """Yield the events from `start` (inclusive) to `end` (exclusive), in microseconds, by time and id.

    Raises QueryTimeout and StoreUnavailable.
    """
    for _, _, events in slices(reader, start, end, rows):
        yield from events


def slices(
    reader: Store, start: int | None = None, end: int | None = None, rows: int = ROWS
) -> Iterator[tuple[int, int, list[Event]]]:
    """Yield (start, stop, events): the events of one slice of time after another, so many at most.

    A moment with more comes in parts, whose `stop` is `start` until the last. Raises QueryTimeout and StoreUnavailable.
    """
    stats = reader.stats()
    if stats.oldest is None or stats.newest is None:
        return
    at = stats.oldest if start is None else max(start, stats.oldest)
    last = stats.newest + 1 if end is None else min(end, stats.newest + 1)
    width = max(1, (stats.newest + 1 - stats.oldest) * rows // (2 * stats.events))
    while at < last:
        stop = min(at + width, last)
        found = reader.between(at, stop, rows)
        if found is None and stop - at > 1:
            width = (stop - at) // 2
            continue
        if found is None:
            yield from ((at, at, part) for part in _paged(reader, at, stop))
        yield at, stop, found or []
        at = stop
        if found is not None and len(found) * 4 <= rows:
            width *= 2 if found else 16


def _paged(reader: Store, start: int, end: int) -> Iterator[list[Event]]:
    """Events of one moment that are too many for one answer."""
    after: str | None = None
    while True:
        page = reader.search(Everything(), start, end, MAX_LIMIT, after, descending=False)
        yield page.events
        after = page.next
        if after is None:
            return

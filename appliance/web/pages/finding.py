"""What a page of events shows: asks the store once for each of its parts, and never for what is not open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.clock import MINUTE
from appliance.search import Node, QueryError, parse
from appliance.search.nodes import And, Everything
from appliance.store import Missing, Store
from appliance.web.context import Context
from appliance.web.pages.alerted import alerted_moments, columns_of, events_alerted
from appliance.web.pages.views import histogram as bars
from appliance.web.pages.views.asking import LEVELS, WHOLE, Asking
from appliance.web.pages.views.columns import Row, rows_of
from appliance.web.pages.views.events import Event, join, term, text_of
from appliance.web.pages.views.histogram import BUCKETS, Histogram, Part
from appliance.web.pages.views.sidebar import TOP, Entry, TopValue, entries, top_values
from appliance.web.pages.views.times import SPANS, drawn

PAGE = 50
PARTS = 3
"""Values that have a shade of their own in the bars."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What the whole history has where the asked stretch has nothing; `newest` in microseconds."""

    count: int
    newest: int


@dataclass(frozen=True, slots=True)
class Found:
    """What a search showed."""

    rows: list[Row]
    total: int
    next: str
    bars: Histogram | None
    fields: list[Entry]
    values: list[TopValue]
    """Of the one field that stands open."""
    newest: int | None
    """From when on events count as newer than what is shown; None where the stretch has an end."""
    elsewhere: Elsewhere | None
    missing: Missing | None
    """What of the stretch is damaged."""


def search(context: Context, asked: Asking, after: str, lang: str) -> Found:
    """Ask the store. Raises QueryError, QueryTimeout, StoreUnavailable, and ValueError for a bad cursor."""
    store: Store = context.store
    # Read once, so that every figure on the page has the same `now` and the same fields.
    node = parse(asked.query, store.fields(), context.now)
    when = asked.when
    found = store.search(node, when.start, when.end, PAGE, after or None)
    with context.sessions() as session:
        alerted = events_alerted(session, [str(event["event.id"]) for event in found.events])
    total = store.count(node, when.start, when.end)
    fields = entries(found.events, asked, lang)
    return Found(
        rows=rows_of(found.events, alerted, asked.shown),
        total=total,
        next=found.next or "",
        bars=_bars(context, node, asked, lang) if total else None,
        fields=fields,
        values=values_of(context, node, asked) if asked.field in {one.name for one in fields} else [],
        newest=_newest(found.events, asked) if not after else None,
        elsewhere=None if total or when.span == "all" else _elsewhere(store, node),
        missing=Missing.of(store.damaged(when.start, when.end)),
    )


def values_of(context: Context, node: Node, asked: Asking) -> list[TopValue]:
    """Return the most frequent values of the open field; none of one that there is not."""
    try:
        found = context.store.top(node, asked.field, TOP, asked.when.start, asked.when.end)
    except QueryError:
        return []
    return top_values(asked.field, found, asked)


def _newest(events: Sequence[Event], asked: Asking) -> int | None:
    if asked.when.end is not None and asked.when.span not in SPANS:
        return None
    return _time(events[0]) + 1 if events else asked.when.start


def _elsewhere(store: Store, node: Node) -> Elsewhere | None:
    newest = store.search(node, None, None, 1).events
    return Elsewhere(store.count(node, None, None), _time(newest[0])) if newest else None


def _bars(context: Context, node: Node, asked: Asking, lang: str) -> Histogram | None:
    start, end = _ends(context.store, node, asked, context.now())
    with context.sessions() as session:
        moments = alerted_moments(session, node, start, end)
    if asked.split == LEVELS:
        parts, feet = bars.by_level(moments, start, end), {}
    else:
        parts = _parts(context, node, asked, start, end)
        feet = columns_of(moments, start, bars.width_of(start, end))
    return bars.histogram(asked, start, end, parts, feet, lang) if parts else None


def _parts(context: Context, node: Node, asked: Asking, start: int, end: int) -> list[Part]:
    """Return the most frequent values of the dividing field as parts, the largest first, and what they leave."""
    store = context.store
    whole = _counts(store, node, start, end)
    top = store.top(node, asked.split, PARTS, start, end) if asked.split != WHOLE else []
    parts = []
    for value, _ in top:
        narrow = term(asked.split, text_of(value))
        one = parse(narrow, store.fields(), context.now)
        counts = _counts(store, one if isinstance(node, Everything) else And((node, one)), start, end)
        parts.append(Part(text_of(value), counts, asked.narrowed(join(asked.query, narrow))))
    left = bars.rest(whole, [part.counts for part in parts])
    return [*parts, Part("", left)] if any(left) or not parts else parts


def _counts(store: Store, node: Node, start: int, end: int) -> list[int]:
    return [bucket.count for bucket in store.histogram(node, start, end, BUCKETS)]


def _ends(store: Store, node: Node, asked: Asking, now: int) -> tuple[int, int]:
    """Return the ends of the chart; where the stretch is open, those of what was found, so that old events fill it."""
    when = asked.when
    if when.start is not None:
        return drawn(when, now, None)
    first = store.search(node, None, when.end, 1, descending=False).events
    last = store.search(node, None, when.end, 1).events
    if not first or not last:
        return drawn(when, now, None)
    return drawn(when, _time(last[0]) + MINUTE if when.span == "all" else now, _time(first[0]))


def _time(event: Event) -> int:
    return int(event["@timestamp"])

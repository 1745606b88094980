"""Events `/zdarzenia`: query, time, histogram, fields, table; one event; the events around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import HTMLResponse

from appliance.clock import DAY, MINUTE
from appliance.language import dates
from appliance.search import Node, QueryError, aliases, columns, parse
from appliance.store import QueryStopped, QueryTimeout, Store, StoreUnavailable
from appliance.web.api.common import LARGEST
from appliance.web.auth import Principal, require
from appliance.web.charts import Bars, stacked
from appliance.web.context import Box, Context
from appliance.web.pages.alerted import alerted_moments, columns_of, events_alerted
from appliance.web.pages.render import catalogue, render
from appliance.web.pages.shell import page, shell
from appliance.web.pages.views import events as view
from appliance.web.pages.views.times import SPANS, Stretch, drawn, stretch
from appliance.web.policy import Permission
from appliance.web.problem import Problem
from appliance.web.stopping import stoppable

router = APIRouter(include_in_schema=False, dependencies=[Depends(stoppable)])
Reader = Annotated[Principal, Depends(require(Permission.EVENTS_READ))]
Since = Annotated[int, Query(ge=0, le=LARGEST)]
EventId = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
PAGE = 50
BUCKETS = 96
TICKS = 8
AROUND = 50
SIDEBAR = ("host.name", "user.name", "event.module", "event.code", "process.executable", "event.action")
TOP = 5
QUERY = 4000
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a query was not run: what stands before, at and after the place, and what is wrong."""

    before: str
    at: str
    after: str
    text: str


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What the whole history has where the asked stretch has nothing; `newest` in microseconds."""

    count: int
    newest: int


@dataclass(frozen=True, slots=True)
class Found:
    """What a search showed."""

    rows: list[view.EventRow]
    total: int
    next: str
    chart: Bars | None
    start: int
    end: int
    ticks: tuple[str, ...]
    table: tuple[tuple[str, int], ...]
    tops: tuple[view.FieldTop, ...]
    newest: int | None
    """From when on events count as newer than what is shown; None where the stretch has an end."""
    elsewhere: Elsewhere | None


@router.get("/zdarzenia")
def events(request: Request, context: Box, who: Reader, q: str = "", po: str = "") -> Response:
    """Search the history."""
    query, when = q[: QUERY + 1], stretch(request.query_params, context.now())
    fault: Fault | None = None
    found: Found | None = None
    resting = False
    try:
        found = _search(context, query, when, po[:600], who.language)
    except QueryError as error:
        fault = _located(query, error, who.language)
    except ValueError:
        return _again(query, when)
    except QueryStopped:
        resting = True  # nobody waits for this page any more
    except (QueryTimeout, StoreUnavailable):
        _log.exception("search_failed")
        resting = True
    values: dict[str, Any] = {"query": query, "when": when, "spans": tuple(SPANS), "found": found, "query_fault": fault}
    asked = {"q": query, **when.address()}
    return page(
        request,
        context,
        who,
        "events",
        "events.html",
        status=422 if fault else 200,
        resting=resting,
        more=urlencode({**asked, "po": found.next}) if found and found.next else "",
        again=urlencode(asked),
        later=bool(po),
        span_links={span: urlencode({"q": query, "okres": span}) for span in (*SPANS, "all")},
        when_address=urlencode(when.address()),
        export=_export(query, when),
        names=_names(),
        **values,
    )


def _again(query: str, when: Stretch) -> Response:
    """Answer a cursor that is not one: the search from its beginning."""
    return Response(status_code=303, headers={"Location": f"/zdarzenia?{urlencode({'q': query, **when.address()})}"})


def _search(context: Context, query: str, when: Stretch, after: str, lang: str) -> Found:
    store: Store = context.store
    # Read once, so that every figure on the page has the same `now` and the same fields.
    asked = parse(query, store.fields(), context.now)
    found = store.search(asked, when.start, when.end, PAGE, after or None)
    with context.sessions() as session:
        alerted = events_alerted(session, [str(event["event.id"]) for event in found.events])
    rows = [view.event_row(event, alerted) for event in found.events]
    start, end = _ends(store, asked, when, context.now())
    buckets = store.histogram(asked, start, end, BUCKETS)
    counts = [bucket.count for bucket in buckets]
    width = max(1, (end - start) // BUCKETS)
    total = store.count(asked, when.start, when.end)
    with context.sessions() as session:
        levels = columns_of(alerted_moments(session, asked, start, end), start, width)
    tops = tuple(view.field_top(name, store.top(asked, name, TOP, when.start, when.end), query) for name in SIDEBAR)
    return Found(
        rows=rows,
        total=total,
        next=found.next or "",
        chart=stacked([counts], gap=0.15, levels=levels) if total else None,
        start=start,
        end=end,
        ticks=tuple(_tick(start + place * (end - start) // TICKS, end - start, lang) for place in range(TICKS)),
        table=tuple(
            (dates.short_moment(start + place * width, lang), count) for place, count in enumerate(counts) if count
        ),
        tops=tuple(top for top in tops if top.values),
        newest=_newest(rows, when) if not after else None,
        elsewhere=None if total or when.span == "all" else _elsewhere(store, asked),
    )


def _newest(rows: list[view.EventRow], when: Stretch) -> int | None:
    if when.end is not None and when.span not in SPANS:
        return None
    return rows[0].at + 1 if rows else when.start


def _elsewhere(store: Store, query: Node) -> Elsewhere | None:
    newest = store.search(query, None, None, 1).events
    if not newest:
        return None
    return Elsewhere(store.count(query, None, None), view.event_row(newest[0], {}).at)


def _ends(store: Store, query: Node, when: Stretch, now: int) -> tuple[int, int]:
    """Return the ends of the chart; where the stretch is open, those of what was found, so that old events fill it."""
    if when.start is not None:
        return drawn(when, now, None)
    first = store.search(query, None, when.end, 1, descending=False).events
    last = store.search(query, None, when.end, 1).events
    if not first or not last:
        return drawn(when, now, None)
    newest = view.event_row(last[0], {}).at + MINUTE
    return drawn(when, newest if when.span == "all" else now, view.event_row(first[0], {}).at)


def _tick(at: int, span: int, lang: str) -> str:
    return dates.day(at, lang) if span > 3 * DAY else dates.clock(at, lang)


def _located(query: str, error: QueryError, lang: str) -> Fault:
    place = min(error.position, len(query))
    describe = error.located("pl" if lang == "pl" else "en")
    text = catalogue().text("events.fault", lang, what=describe)
    return Fault(query[:place], query[place : place + 1] or "␣", query[place + 1 :], text)


def _export(query: str, when: Stretch) -> str:
    pairs = {"q": query, "from": when.start, "to": when.end}
    return urlencode({name: value for name, value in pairs.items() if value not in (None, "")})


def _names() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the short names and, for completion, nothing else: the schema's names stand in the list of fields."""
    return tuple(aliases().items())


@router.get("/zdarzenia/nowsze")
def newer(request: Request, context: Box, who: Reader, q: str = "", po: Since = 0) -> Response:
    """Return a line that counts events newer than those shown, for the page that stays still; nothing where none is."""
    try:
        count = context.store.count(q[:QUERY], po, None)
    except (QueryError, QueryTimeout, StoreUnavailable):
        return Response(status_code=204)
    if not count:
        return Response(status_code=204)
    frame = shell(request, context, who, "events")
    return HTMLResponse(render("_newer.html", who.language, frame.now, {"shell": frame, "count": count}))


@router.get("/zdarzenia/pola")
def field_names(request: Request, context: Box, who: Reader) -> Response:
    """Show every field that a query may name."""
    kinds = [(name, str(kind.value)) for name, kind in columns().items()]
    return page(request, context, who, "events", "event_fields.html", kinds=kinds, names=_names())


@router.get("/zdarzenia/{event_id}")
def event(request: Request, context: Box, who: Reader, event_id: EventId, q: str = "") -> Response:
    """Show one event with all its fields; for a row of the table, the fields alone."""
    found = context.store.get(event_id)
    if found is None:
        raise Problem(404, "event_unknown")
    with context.sessions() as session:
        alerted = events_alerted(session, [event_id])
    values: dict[str, Any] = {
        "row": view.event_row(found, alerted),
        "fields": view.fields_of(found, q[:QUERY]),
        "when_address": urlencode(stretch(request.query_params, context.now()).address()),
    }
    if "hx-request" in request.headers:
        frame = shell(request, context, who, "events")
        return HTMLResponse(render("_event_row_open.html", who.language, frame.now, {"shell": frame, **values}))
    near = context.store.around(event_id, MINUTE, AROUND)
    with context.sessions() as session:
        marks = events_alerted(session, [str(one["event.id"]) for one in near])
    rows = [view.event_row(one, marks) for one in near]
    return page(request, context, who, "events", "event.html", around=rows, **values)

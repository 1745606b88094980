"""Events `/zdarzenia`: query, time, bars, fields, table; one event and what surrounds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse

from appliance.clock import MINUTE
from appliance.search import QueryError, aliases, columns, labels, parse
from appliance.search.lexer import WRITABLE
from appliance.slices.asked import flow_of
from appliance.slices.look import INSTALL
from appliance.store import QueryStopped, QueryTimeout, StoreUnavailable
from appliance.store.bounds import bounded
from appliance.store.originals import FIELD as ORIGINAL
from appliance.web.api.common import LARGEST, EventId
from appliance.web.auth import Principal, require
from appliance.web.context import Box
from appliance.web.pages.alerted import events_alerted
from appliance.web.pages.finding import Found, search, values_of
from appliance.web.pages.packetview import packets_of
from appliance.web.pages.render import catalogue, render
from appliance.web.pages.searches import offered
from appliance.web.pages.shell import page, shell
from appliance.web.pages.views import events as view
from appliance.web.pages.views.asking import COLUMNS, QUERY, SPLITS, Asking, asking, spans
from appliance.web.pages.views.columns import DRILLED, column_list, rows_of
from appliance.web.pages.views.process import has_process
from appliance.web.pages.views.sidebar import FIRST
from appliance.web.policy import Permission
from appliance.web.problem import Problem
from appliance.web.stopping import stoppable

router = APIRouter(include_in_schema=False, dependencies=[Depends(stoppable)])
Reader = Annotated[Principal, Depends(require(Permission.EVENTS_READ))]
Since = Annotated[int, Query(ge=0, le=LARGEST)]
REACH = 5 * MINUTE
"""What stands around an event: so long before it and after."""
AROUND = 50
KEPT = 12
"""Saved searches that the page itself offers."""
VALUES_SECONDS = 8.0
"""Time in which the values of a field are there, or not at all."""
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a query was not run: what stands before, at and after the place, and what is wrong."""

    before: str
    at: str
    after: str
    text: str


@router.get("/zdarzenia")
def events(request: Request, context: Box, who: Reader, po: str = "") -> Response:
    """Search the history."""
    asked = asking(request.query_params, context.now())
    if "dodaj" in request.query_params:
        return _see(asked)
    fault: Fault | None = None
    found: Found | None = None
    resting = False
    try:
        found = search(context, asked, po[:600], who.language)
    except QueryError as error:
        fault = _located(asked.query, error, who.language)
    except ValueError:
        return _see(asked)
    except QueryStopped:
        resting = True  # nobody waits for this page any more
    except (QueryTimeout, StoreUnavailable):
        _log.exception("search_failed")
        resting = True
    with context.sessions() as session:
        kept, whole = offered(session, who.who, KEPT)
    return page(
        request,
        context,
        who,
        "events",
        "events.html",
        kept=kept,
        kept_whole=whole,
        status=422 if fault else 200,
        resting=resting,
        query_fault=fault,
        asked=asked,
        found=found,
        more=urlencode({**asked.pairs(), "po": found.next}) if found and found.next else "",
        later=bool(po),
        spans=spans(),
        splits=SPLITS,
        columns=column_list(asked),
        labels=labels(who.language),
        first_fields=FIRST,
        export=_export(asked),
        names=_names(),
    )


def _see(asked: Asking) -> Response:
    """Lead to the page of what was asked, from its beginning."""
    return Response(status_code=303, headers={"Location": f"/zdarzenia?{asked.address()}"})


def _located(query: str, error: QueryError, lang: str) -> Fault:
    place = min(error.position, len(query))
    describe = error.located("pl" if lang == "pl" else "en")
    text = catalogue().text("events.fault", lang, what=describe)
    return Fault(query[:place], query[place : place + 1] or "␣", query[place + 1 :], text)


def _export(asked: Asking) -> dict[str, str]:
    """Return the parameters of each form of export; a CSV has the columns of the table."""
    pairs = {"q": asked.query, "from": asked.when.start, "to": asked.when.end}
    given = [(name, value) for name, value in pairs.items() if value not in (None, "")]
    chosen = {"csv": [("fields", name) for name in asked.exported]}
    return {form: urlencode([*given, *chosen.get(form, []), ("format", form)]) for form in ("csv", "ndjson", "parquet")}


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


@router.get("/zdarzenia/wartosci")
def field_values(request: Request, context: Box, who: Reader) -> Response:
    """Return the most frequent values of one field in what was asked, for the list beside the table."""
    asked = asking(request.query_params, context.now())
    late = False
    values = []
    try:
        with bounded(seconds=VALUES_SECONDS):
            values = values_of(context, parse(asked.query, context.store.fields(), context.now), asked)
    except QueryError:
        pass  # the page itself says what is wrong with its query
    except (QueryTimeout, StoreUnavailable):
        late = True
    frame = shell(request, context, who, "events")
    said = {"shell": frame, "asked": asked, "values": values, "late": late}
    return HTMLResponse(render("_field_values.html", who.language, frame.now, said))


@router.get("/zdarzenia/zawez")
def narrow(request: Request, context: Box, who: Reader, nazwa: str = "", wartosc: str = "") -> Response:
    """Lead from a value of the table to the search with it, or (`bez`) without it."""
    asked = asking(request.query_params, context.now())
    if not WRITABLE.fullmatch(nazwa[:DRILLED]) or not 0 < len(wartosc) <= DRILLED:
        return _see(asked)
    term = view.term(nazwa, wartosc)
    wanted = view.join(asked.query, f"NOT {term}" if "bez" in request.query_params else term)
    address = asked.narrowed(wanted) or asked.address()
    return Response(status_code=303, headers={"Location": f"/zdarzenia?{address}"})


@router.get("/zdarzenia/pola")
def field_names(request: Request, context: Box, who: Reader) -> Response:
    """Show every field that a query may name."""
    said = labels(who.language)
    kinds = [(name, said[name], str(kind.value)) for name, kind in columns().items()]
    return page(request, context, who, "events", "event_fields.html", kinds=kinds, names=_names())


@router.get("/zdarzenia/{event_id}")
def event(request: Request, context: Box, who: Reader, event_id: EventId) -> Response:
    """Show one event with all its fields; for a row of the table, the fields alone."""
    found = context.store.get(event_id)
    if found is None:
        raise Problem(404, "event_unknown")
    with context.sessions() as session:
        alerted = events_alerted(session, [event_id])
    asked = asking(request.query_params, context.now(), whole=True)
    row = view.event_row(found, alerted)
    shown = {name: value for name, value in found.items() if name != ORIGINAL}
    values: dict[str, Any] = {
        "row": row,
        "fields": view.fields_of(shown, asked.query, who.language),
        "original": view.text_of(found[ORIGINAL]) if ORIGINAL in found else None,
        "asked": asked,
        "tree": has_process(found),
        "install": INSTALL,
        "has_flow": who.may(Permission.PACKETS_TAKE) and flow_of(found) is not None,
    }
    if "hx-request" in request.headers:
        frame = shell(request, context, who, "events")
        return HTMLResponse(render("_event_row_open.html", who.language, frame.now, {"shell": frame, **values}))
    near = context.store.around(event_id, REACH, AROUND)
    with context.sessions() as session:
        values["packets"] = packets_of(context, session, who, [(event_id, found)])
        marks = events_alerted(session, [str(one["event.id"]) for one in near])
    beside = Asking(view.term("host.name", row.host) if row.host else "", asked.when)
    return page(
        request,
        context,
        who,
        "events",
        "event.html",
        around=rows_of(near, marks, COLUMNS),
        around_address=beside.between(row.at - REACH, row.at + REACH),
        columns=column_list(beside),
        labels=labels(who.language),
        **values,
    )

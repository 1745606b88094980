"""The history of events: search, one event and its neighbours, counts over time, top values, export."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from appliance.alerts.cursor import BadCursor
from appliance.clock import DAY, MINUTE
from appliance.ops.operations import record
from appliance.search import parse
from appliance.state.database import writing
from appliance.store.missing import Missing
from appliance.store.model import Cursor
from appliance.web.api.common import FIRST_MOMENT, LAST_MOMENT, EventId, Limit, Moment, Page, QueryText, api_router
from appliance.web.auth import Principal, needs, require
from appliance.web.context import Box, Context
from appliance.web.export import KINDS, LIMIT, Form, every, file_of
from appliance.web.policy import Permission
from appliance.web.problem import Problem
from appliance.web.stopping import stoppable

router = api_router("events", Depends(stoppable))
Exporter = Annotated[Principal, Depends(require(Permission.EVENTS_EXPORT))]
Since = Annotated[Moment | None, Query(alias="from", description="From this time on.")]
Until = Annotated[Moment | None, Query(alias="to", description="Before this time.")]
FieldName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_@.\- ]{1,200}$")]
Place = Annotated[str | None, Query(max_length=600, description="`next` of the page before.")]
Event = dict[str, Any]


class MissingAnswer(BaseModel):
    """What an answer lacks since files of the store are damaged: events of `start` to `end`, in microseconds."""

    model_config = ConfigDict(from_attributes=True)
    segments: int
    events: int
    start: int
    end: int


class FoundAnswer(Page[Event]):
    """Events, and how many lie in the time that was looked through; `missing` = what is damaged of that time."""

    scanned: int
    missing: MissingAnswer | None


class CountAnswer(BaseModel):
    """How many events a query describes; `missing` = what is damaged of the time."""

    count: int
    missing: MissingAnswer | None


class BucketAnswer(BaseModel):
    """How many events begin in a piece of time; `start` in microseconds."""

    start: int
    count: int


class HistogramAnswer(BaseModel):
    """Counts over a time in its order; `missing` = what is damaged of the time."""

    items: list[BucketAnswer]
    missing: MissingAnswer | None


class TopAnswer(BaseModel):
    """A value and how many events have it."""

    value: Any
    count: int


class TopValuesAnswer(BaseModel):
    """The most frequent values, the most frequent first; `missing` = what is damaged of the time."""

    items: list[TopAnswer]
    missing: MissingAnswer | None


@router.get("/events", dependencies=needs(Permission.EVENTS_READ))
def search(
    *,
    context: Box,
    q: QueryText = "",
    since: Since = None,
    until: Until = None,
    after: Place = None,
    limit: Limit = 50,
    order: Literal["newest", "oldest"] = "newest",
) -> FoundAnswer:
    """Return the events that a query describes."""
    place = _place(after)
    found = context.store.search(q, since, until, limit, place, descending=order == "newest")
    items = [dict(event) for event in found.events]
    return FoundAnswer(items=items, next=found.next, scanned=found.scanned, missing=missing(context, since, until))


def missing(context: Context, since: int | None, until: int | None) -> MissingAnswer | None:
    """Return what of a time is damaged."""
    found = Missing.of(context.store.damaged(since, until))
    return None if found is None else MissingAnswer.model_validate(found)


def _place(after: str | None) -> Cursor | None:
    try:
        place = None if after is None else Cursor.parse(after)
    except ValueError as error:
        raise BadCursor(after) from error
    if place is not None and not FIRST_MOMENT <= place.time <= LAST_MOMENT:
        raise BadCursor(after)
    return place


@router.get("/events/count", dependencies=needs(Permission.EVENTS_READ))
def count(context: Box, q: QueryText = "", since: Since = None, until: Until = None) -> CountAnswer:
    """Return how many events a query describes."""
    found = context.store.count(q, since, until)
    return CountAnswer(count=found, missing=missing(context, since, until))


@router.get("/events/histogram", dependencies=needs(Permission.EVENTS_READ))
def histogram(
    context: Box,
    q: QueryText = "",
    since: Since = None,
    until: Until = None,
    buckets: Annotated[int, Query(ge=1, le=500)] = 60,
) -> HistogramAnswer:
    """Return the number of events in equal pieces of a time; the last day when none is given."""
    end = min(context.now(), LAST_MOMENT) if until is None else until
    start = max(FIRST_MOMENT, end - DAY) if since is None else since
    if end - start < buckets:
        raise Problem(422, "span")
    found = context.store.histogram(q, start, end, buckets)
    items = [BucketAnswer(start=bucket.start, count=bucket.count) for bucket in found]
    return HistogramAnswer(items=items, missing=missing(context, start, end))


@router.get("/events/top", dependencies=needs(Permission.EVENTS_READ))
def top(
    *,
    context: Box,
    field: Annotated[FieldName, Query()],
    q: QueryText = "",
    since: Since = None,
    until: Until = None,
    n: Annotated[int, Query(ge=1, le=100)] = 10,
) -> TopValuesAnswer:
    """Return the most frequent values of a field."""
    found = context.store.top(q, field, n, since, until)
    items = [TopAnswer(value=value, count=number) for value, number in found]
    return TopValuesAnswer(items=items, missing=missing(context, since, until))


@router.get(
    "/events/export",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Events as a file; `X-Events-Total` = how many there are, in the file or past its bound; "
            "`X-Events-Missing` = segments, events, start and end of what is damaged, where anything is.",
            "content": {kind: {"schema": {"type": "string"}} for kind in KINDS.values()},
        }
    },
)
def export(
    *,
    context: Box,
    who: Exporter,
    q: QueryText = "",
    since: Since = None,
    until: Until = None,
    form: Annotated[Form, Query(alias="format")] = "ndjson",
    fields: Annotated[tuple[FieldName, ...], Query(max_length=60)] = (),
    limit: Annotated[int, Query(ge=1, le=LIMIT)] = LIMIT,
) -> StreamingResponse:
    """Return events as a file, newest first. One that breaks off has no end that its format can be read to."""
    node = parse(q, context.store.fields(), context.now)
    total = context.store.count(node, since, until)
    with writing(context.sessions) as session:
        record(session, who.who, "events.exported", q, context.now(), format=form, since=since, until=until)
    events = every(context.store, node, since, until, limit)
    name = f'attachment; filename="czujka-zdarzenia.{form}"'
    headers = {"Content-Disposition": name, "X-Events-Total": str(total)}
    lacking = missing(context, since, until)
    if lacking is not None:
        headers["X-Events-Missing"] = f"{lacking.segments} {lacking.events} {lacking.start} {lacking.end}"
    return StreamingResponse(file_of(form, events, fields), media_type=KINDS[form], headers=headers)


@router.get("/events/{event_id}", dependencies=needs(Permission.EVENTS_READ))
def get_event(context: Box, event_id: EventId) -> Event:
    """Return one event."""
    return event_of(context, event_id)


@router.get("/events/{event_id}/around", dependencies=needs(Permission.EVENTS_READ))
def around(
    context: Box,
    event_id: EventId,
    minutes: Annotated[int, Query(ge=1, le=24 * 60)] = 5,
    limit: Limit = 100,
) -> list[Event]:
    """Return what happened on the same host around an event."""
    event_of(context, event_id)
    return [dict(event) for event in context.store.around(event_id, minutes * MINUTE, limit)]


@router.get("/events/{event_id}/process-chain", dependencies=needs(Permission.EVENTS_READ))
def process_chain(context: Box, event_id: EventId) -> list[Event]:
    """Return the processes that led to an event, as far as they are known."""
    return [dict(event) for event in context.store.process_chain(event_of(context, event_id))]


def event_of(context: Context, event_id: str) -> Event:
    """Return an event. Raises Problem 404."""
    event = context.store.get(event_id)
    if event is None:
        raise Problem(404, "event_unknown")
    return dict(event)

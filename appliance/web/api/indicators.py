"""Indicators: bad domains, addresses, pages, files and senders from lists that the office gets."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query, Request
from pydantic import BaseModel, Field, StringConstraints

from appliance.alerts import service
from appliance.alerts.grouping import SNAPSHOTS
from appliance.clock import DAY
from appliance.detect import explain
from appliance.detect.values import thaw
from appliance.indicators import book
from appliance.indicators.book import Asked, Source, Taken
from appliance.indicators.own import own_of
from appliance.indicators.reading import Document, Read, read_sent
from appliance.indicators.traced import Traced
from appliance.indicators.values import LONGEST, Kind, written
from appliance.state.database import writing
from appliance.state.indicators import Indicator
from appliance.web.api.common import After, Answer, Limit, Number, Page, api_router
from appliance.web.auth import Principal, needs, require
from appliance.web.context import Box, Context
from appliance.web.explaining import rule_of
from appliance.web.indicated import indicated
from appliance.web.policy import Permission
from appliance.web.problem import FieldFault, Problem, language_of

router = api_router("indicators")
Manager = Annotated[Principal, Depends(require(Permission.INDICATORS_MANAGE))]
SOURCES, FAULTS, REMOVED = 1000, 1000, 1000
"""Rows of sources and faults that are told, and values that one request removes."""
SourceName = Annotated[str, Query(min_length=1, max_length=book.SOURCE, description="Who gave the list.")]
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The list as it is: text, CSV, a MISP event or a STIX 2.1 bundle (docs/indicators.md).",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class SourceAnswer(Answer):
    """What a source told of one kind: values in force, and expired ones; times in microseconds.

    `newest` is when its newest value came, `ends` when the first of those in force ends; null when none does.
    """

    name: str
    kind: Kind
    acting: int
    expired: int
    newest: int
    ends: int | None


class SourceList(BaseModel):
    """Sources by name and kind; at most 1000 of `total`."""

    items: list[SourceAnswer]
    total: int


class IndicatorAnswer(Answer):
    """A value as one source tells it; times in microseconds, without `expires_at` it has no end."""

    kind: Kind
    value: str
    source: str
    comment: str
    added_at: int
    expires_at: int | None
    in_force: bool


class LineFault(BaseModel):
    """A line of a list that is not taken, and why (in Polish)."""

    line: int
    message: str


class ImportAnswer(BaseModel):
    """What came: values by kind that no source had told, and those told anew.

    Lines that were refused are counted, and the first 1000 are told. The past is hunted for new values by itself.
    """

    new: dict[Kind, int]
    known: int
    refused: int
    faults: list[LineFault]


class TracedAnswer(BaseModel):
    """The values that an alert's rule found, at most 50; and texts of its events that no list has now, at most 10."""

    items: list[IndicatorAnswer]
    gone: list[str]


class RemoveBody(BaseModel):
    """Values of one source or of all; without values all that the source told."""

    values: list[Annotated[str, StringConstraints(min_length=1, max_length=LONGEST)]] = Field(
        default_factory=list, max_length=REMOVED
    )
    source: str | None = Field(None, min_length=1, max_length=book.SOURCE)


class Removed(BaseModel):
    """How many values went, counted for each source."""

    removed: int


@router.get("/indicators", dependencies=needs(Permission.RULES_READ))
def list_indicators(
    context: Box,
    after: After = None,
    limit: Limit = 50,
    value: Annotated[str, Query(max_length=LONGEST, description="What values contain, also defanged.")] = "",
    whole: Annotated[bool, Query(description="Only the value itself.")] = False,
    source: Annotated[str | None, Query(max_length=book.SOURCE)] = None,
) -> Page[IndicatorAnswer]:
    """Return values, the newest first; those that expired stay listed for 90 days."""
    with context.sessions() as session:
        rows, cursor = book.page(session, Asked(value, whole, source), after, limit)
    return Page(items=[answer(row, context.now()) for row in rows], next=cursor)


@router.get("/indicators/sources", dependencies=needs(Permission.RULES_READ))
def list_sources(context: Box) -> SourceList:
    """Return the sources."""
    rows = sources_of(context)
    return SourceList(items=[SourceAnswer.model_validate(row) for row in rows[:SOURCES]], total=len(rows))


@router.get("/alerts/{alert_id}/indicators", dependencies=needs(Permission.ALERTS_READ))
def list_of_alert(context: Box, alert_id: Number) -> TracedAnswer:
    """Return where the indicators are from that an alert's rule found; none for other rules."""
    with context.sessions() as session:
        alert = service.get_alert(session, alert_id)
        rows, _ = service.events_of(session, alert_id, None, SNAPSHOTS)
        rule = rule_of(context, alert.rule_id)
        tree = explain(rule, thaw(rows[0].event)) if rule and rows and rows[0].event else None
        found = indicated(session, rule, tree, rows) or Traced((), ())
        return TracedAnswer(items=[answer(row, context.now()) for row in found.kept], gone=list(found.gone))


async def _body(request: Request, who: Manager) -> bytes:
    """Return the list that somebody sends who may."""
    return await request.body()


@router.post("/indicators/import", status_code=201, openapi_extra=_BODY)
def take(
    context: Box,
    who: Manager,
    request: Request,
    content: Annotated[bytes, Depends(_body)],
    source: SourceName,
    name: Annotated[str, Query(max_length=255, description="The file's name: `.csv` tells a table.")] = "",
    days: Annotated[int | None, Query(ge=1, le=book.DAYS, description="After how many days its values end.")] = None,
    comment: Annotated[str, Query(max_length=book.COMMENT)] = "",
) -> ImportAnswer:
    """Take a list in. What is refused is told by line, and the rest counts within seconds."""
    read, taken = taken_in(context, who, source, [Document(name, content)], days, comment, language_of(request))
    faults = [LineFault(line=one.line, message=one.message) for one in read.faults[:FAULTS]]
    if taken is None:
        located = [FieldFault(field=f"line {one.line}", fault=one.message) for one in faults]
        raise Problem(422, "indicators_broken" if faults else "indicators_empty", faults=located)
    return ImportAnswer(
        new={Kind(kind): count for kind, count in taken.new.items()},
        known=taken.known,
        refused=len(read.refused),
        faults=faults,
    )


@router.post("/indicators/remove")
def remove(context: Box, who: Manager, body: RemoveBody) -> Removed:
    """Remove values, or all that a source told. Alerts that they raised stay."""
    return Removed(removed=removed(context, who, body.values, body.source))


def answer(row: Indicator, now: int) -> IndicatorAnswer:
    """Return a value as the API shows it."""
    fields = IndicatorAnswer.model_fields.keys() - {"in_force"}
    in_force = row.expires_at is None or row.expires_at > now
    return IndicatorAnswer(**{name: getattr(row, name) for name in fields}, in_force=in_force)


def sources_of(context: Context) -> list[Source]:
    """Return the sources, by name and kind."""
    with context.sessions() as session:
        return book.sources(session, context.now())


def taken_in(
    context: Context,
    who: Principal,
    source: str,
    documents: list[Document],
    days: int | None,
    comment: str,
    language: str,
) -> tuple[Read, Taken | None]:
    """Take lists in for somebody; None when nothing of them may be taken. Faults are told in a language.

    Raises BadSource, TooMany.
    """
    name, now = book.named(source), context.now()
    ends = None if days is None else now + days * DAY
    read = read_sent(documents, own_of(context.home, context.settings), comment.strip(), ends, language)
    if read.useless:
        return read, None
    with writing(context.sessions) as session:
        return read, book.take(session, name, read.wanted, who.who, now)


def removed(context: Context, who: Principal, values: list[str], source: str | None) -> int:
    """Remove values for somebody and return how many went. Raises Problem when nothing is named or nothing goes."""
    if not values and source is None:
        raise Problem(422, "indicators_unnamed")
    with writing(context.sessions) as session:
        gone = book.remove(session, source, map(written, values), who.who, context.now())
    if not gone:
        raise Problem(404, "indicator_unknown")
    return gone

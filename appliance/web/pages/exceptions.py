"""Exceptions `/wyjatki`: what rules leave alone, who wanted it, who agreed, until when, and what it hides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from sqlalchemy.orm import Session

from appliance.alerts import service
from appliance.alerts.service import BadText
from appliance.clock import DAY, from_datetime
from appliance.detect import Rule
from appliance.detect.values import thaw
from appliance.language.dates import WARSAW, local
from appliance.rulesets import exceptions
from appliance.rulesets.conditions import Condition, How, TooWide
from appliance.rulesets.exceptions import BadExpiry, Proposal
from appliance.rulesets.kept import filter_text
from appliance.rulesets.offers import offers
from appliance.state.database import writing
from appliance.state.models import Alert, ExceptionState, RuleException
from appliance.web.api.common import LARGEST, Number
from appliance.web.api.exceptions import replayed
from appliance.web.auth import Principal, require
from appliance.web.context import Box, Context
from appliance.web.explaining import rule_of
from appliance.web.pages.cardview import own_title
from appliance.web.pages.forms import Lines
from appliance.web.pages.shell import back_to, page
from appliance.web.policy import Permission
from appliance.web.problem import Problem, text_of

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, Depends(require(Permission.RULES_READ))]
Proposer = Annotated[Principal, Depends(require(Permission.EXCEPTIONS_PROPOSE))]
Approver = Annotated[Principal, Depends(require(Permission.EXCEPTIONS_APPROVE))]
AlertNumber = Annotated[int, Query(alias="alert", ge=1, le=LARGEST)]
Texts = Annotated[tuple[str, ...], Form(max_length=40)]
DAYS = 30
"""How long an exception lasts unless its author says otherwise."""
ENDED = 100
_KIND = {"proposed": "late", "approved": "ok"}


@dataclass(frozen=True, slots=True)
class Row:
    """An exception as the list shows it."""

    id: int
    rule_id: str
    title: str
    conditions: list[dict[str, str]]
    author: str
    expires_at: int
    state: str
    kind: str
    hidden: int
    alerts: int


@dataclass(frozen=True, slots=True)
class Line:
    """One offered condition of the form; `on` when it is chosen."""

    field: str
    how: str
    value: str
    on: bool
    matched: bool = False


def row_of(one: RuleException, now: int, language: str) -> Row:
    """Return the line of an exception."""
    state = exceptions.state_of(one, now)
    title = own_title(one.rule_id, language) or one.rule_title
    hidden, alerts = int(one.replay.get("hidden", 0)), int(one.replay.get("alerts", 0))
    kind = _KIND.get(state, "off")
    return Row(one.id, one.rule_id, title, one.conditions, one.author, one.expires_at, state, kind, hidden, alerts)


@router.get("/wyjatki")
def overview(request: Request, context: Box, who: Reader) -> Response:
    """List the exceptions: those that wait, those that act, those that ended."""
    now = context.now()
    with context.sessions() as session:
        alive = [row_of(one, now, who.language) for one in exceptions.waiting_or_acting(session, now)]
        newest, _ = exceptions.page(session, None, ENDED * 3)
    rows = [row_of(one, now, who.language) for one in newest]
    groups = [
        ("waiting", [row for row in alive if row.state == ExceptionState.PROPOSED]),
        ("acting", [row for row in alive if row.state == ExceptionState.APPROVED]),
        ("ended", [row for row in rows if row.kind == "off"][:ENDED]),
    ]
    return page(request, context, who, "rules", "exceptions.html", groups=groups)


@router.get("/wyjatki/nowy")
def form(request: Request, context: Box, who: Proposer, alert: AlertNumber) -> Response:
    """Offer an exception from an alert, filled with the fields of its first event."""
    found, rule, event = _origin(context, alert)
    scope = {"host.name"}
    lines = [
        Line(one.field, How.IS, one.value, one.matched or one.field in scope, one.matched)
        for one in (offers(rule, event) if event else [])
    ]
    last = local(context.now() + DAYS * DAY).date().isoformat()
    return _form(request, context, who, found, rule, lines=lines, last=last)


@router.post("/wyjatki/nowy")
def propose(
    request: Request,
    context: Box,
    who: Proposer,
    alert: Annotated[int, Form(ge=1, le=LARGEST)],
    chosen: Annotated[tuple[int, ...], Form(max_length=40)] = (),
    field: Texts = (),
    how: Texts = (),
    value: Texts = (),
    reason: Annotated[str, Form(max_length=8000), Lines] = "",
    last: Annotated[str, Form(max_length=20)] = "",
    step: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Show what the proposal would have hidden, or send it to somebody else for their consent."""
    found, rule, _ = _origin(context, alert)
    rows = list(zip(field, how, value, strict=False))
    lines = [Line(name, way, text, at in chosen) for at, (name, way, text) in enumerate(rows)]
    given: dict[str, Any] = {"lines": lines, "last": last, "reason": reason}
    try:
        wanted = _proposal(rule, lines, reason, last, alert).check(context.now())
    except (TooWide, BadText, BadExpiry) as error:
        return _form(request, context, who, found, rule, status=422, fault=_said(error, who.language), **given)
    seen = replayed(context, wanted)
    if step != "send":
        return _form(request, context, who, found, rule, replay=seen, **given)
    with writing(context.sessions) as session:
        made = exceptions.propose(session, wanted, who.actor, seen, context.now())
    return back_to(f"/wyjatki/{made.id}", "exception_proposed")


@router.get("/wyjatki/{number}")
def show(request: Request, context: Box, who: Reader, number: Number) -> Response:
    """Show one exception."""
    return _page(request, context, who, number)


@router.post("/wyjatki/{number}/zgoda")
def approve(request: Request, context: Box, who: Approver, number: Number) -> Response:
    """Agree to an exception."""
    try:
        with writing(context.sessions) as session:
            exceptions.approve(session, number, who.actor, context.now())
    except (exceptions.SamePerson, exceptions.PersonNeeded, exceptions.NotInState) as error:
        return _page(request, context, who, number, status=409, fault=_said(error, who.language))
    return back_to(f"/wyjatki/{number}", "exception_approved")


@router.post("/wyjatki/{number}/cofnij")
def withdraw(request: Request, context: Box, who: Proposer, number: Number) -> Response:
    """Take an exception back."""
    try:
        with writing(context.sessions) as session:
            exceptions.withdraw(session, number, who.actor, context.now())
    except exceptions.NotInState as error:
        return _page(request, context, who, number, status=409, fault=_said(error, who.language))
    return back_to(f"/wyjatki/{number}", "exception_withdrawn")


def _page(
    request: Request, context: Context, who: Principal, number: int, /, status: int = 200, fault: str = ""
) -> Response:
    now = context.now()
    with context.sessions() as session:
        one = exceptions.get(session, number)
    row = row_of(one, now, who.language)
    values = {"one": one, "row": row, "text": filter_text(one), "mine": one.author == who.who, "replay": one.replay}
    return page(request, context, who, "rules", "exception.html", status=status, fault=fault, **values)


def _form(
    request: Request,
    context: Context,
    who: Principal,
    alert: Alert,
    rule: Rule,
    /,
    status: int = 200,
    replay: dict[str, Any] | None = None,
    reason: str = "",
    **values: Any,
) -> Response:
    limit = local(context.now() + exceptions.LONGEST).date()
    title = own_title(rule.id, who.language) or rule.title
    hows = [one.value for one in How]
    shown = {"alert": alert, "rule": rule, "title": title, "hows": hows, "replay": replay, "reason": reason}
    days = {"first": local(context.now()).date().isoformat(), "limit": (limit - timedelta(days=1)).isoformat()}
    return page(request, context, who, "rules", "exception_new.html", status=status, **shown, **days, **values)


def _origin(context: Context, alert_id: int) -> tuple[Alert, Rule, dict[str, Any]]:
    """Return an alert, its rule and its first event. Raises Problem 404."""
    with context.sessions() as session:
        alert = _alert(session, alert_id)
        rows, _ = service.events_of(session, alert.id, None, 1)
    rule = rule_of(context, alert.rule_id)
    if rule is None:
        raise Problem(404, "rule_unknown")
    return alert, rule, thaw(rows[0].event) if rows and rows[0].event else {}


def _alert(session: Session, alert_id: int) -> Alert:
    try:
        return service.get_alert(session, alert_id)
    except service.UnknownAlert as error:
        raise Problem(404, "alert_unknown", values={"id": alert_id}) from error


def _proposal(rule: Rule, lines: list[Line], reason: str, last: str, alert: int) -> Proposal:
    """Return what the form asks for. Raises TooWide, BadExpiry."""
    on = [one for one in lines if one.on]
    if any(one.how not in set(How) for one in on):
        raise TooWide("bad_field", next(one.field for one in on if one.how not in set(How)))
    conditions = tuple(Condition(one.field.strip(), How(one.how), one.value) for one in on)
    return Proposal(rule, conditions, reason, end_of_day(last), alert)


def end_of_day(text: str) -> int:
    """Return the moment (µs) at which a day ends in the office. Raises BadExpiry."""
    try:
        after = date.fromisoformat(text) + timedelta(days=1)
        return from_datetime(datetime.combine(after, time(), WARSAW))
    except (ValueError, OverflowError) as error:
        raise BadExpiry(text) from error


_CODES = {
    exceptions.SamePerson: "exception_same_person",
    exceptions.PersonNeeded: "exception_person",
    exceptions.NotInState: "exception_state",
    BadExpiry: "exception_expiry",
    BadText: "exception_reason",
}


def _said(error: Exception, language: str) -> str:
    if isinstance(error, TooWide):
        return text_of(f"exception_{error.code}", language, {"field": error.field})
    return text_of(_CODES[type(error)], language, {"days": exceptions.LONGEST // DAY, "most": exceptions.REASON})

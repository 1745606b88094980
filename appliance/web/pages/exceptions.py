"""Exceptions `/wyjatki`: what rules leave alone, who wanted it, who agreed, until when, and what it hides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from pydantic import Field
from sqlalchemy.orm import Session

from appliance.alerts import service
from appliance.alerts.service import BadText
from appliance.clock import DAY, from_datetime
from appliance.detect import Engine, Event, Logsource, Rule, RuleSet
from appliance.detect.correlation import Correlation
from appliance.detect.values import thaw
from appliance.language.dates import WARSAW, local
from appliance.rulesets import exceptions
from appliance.rulesets.conditions import Condition, How, TooWide, by_line, load_conditions
from appliance.rulesets.exceptions import BadExpiry, Proposal
from appliance.rulesets.kept import filter_text
from appliance.rulesets.offers import offers
from appliance.rulesets.scope import MAX_RULES
from appliance.state.database import writing
from appliance.state.exceptions import RuleException
from appliance.state.models import Alert, ExceptionState
from appliance.web.api.common import LARGEST, Number
from appliance.web.api.exceptions import replayed
from appliance.web.auth import Principal, require
from appliance.web.context import Box, Context
from appliance.web.explaining import bases_of, content_of
from appliance.web.pages.cardview import own_title
from appliance.web.pages.exception_scope import NAMED, Wanted, offered
from appliance.web.pages.forms import Lines
from appliance.web.pages.shell import back_to, page
from appliance.web.policy import Permission
from appliance.web.problem import Problem, text_of

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, Depends(require(Permission.RULES_READ))]
Proposer = Annotated[Principal, Depends(require(Permission.EXCEPTIONS_PROPOSE))]
Approver = Annotated[Principal, Depends(require(Permission.EXCEPTIONS_APPROVE))]
BaseRule = Annotated[str, Query(alias="regula", max_length=64)]
AlertNumber = Annotated[int, Query(alias="alert", ge=1, le=LARGEST)]
Texts = Annotated[tuple[str, ...], Form(max_length=40)]
More = Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Form(max_length=2 * MAX_RULES)]
DAYS = 30
"""How long an exception lasts unless its author says otherwise."""
ENDED = 100
_LOOKED = 100
"""Events of an alert among which one of the rule is looked for."""
_ONE = Wanted()
"""The alert's rule alone."""
_KIND = {"proposed": "late", "approved": "ok"}


@dataclass(frozen=True, slots=True)
class Row:
    """An exception as the list shows it."""

    id: int
    rules: list[tuple[str, str]]
    """Id and title of the rules that it names."""
    source: str
    """The log source whose every rule it is for; empty when it names its rules."""
    conditions: list[tuple[str, str, list[str]]]
    """Field, how, and the values, one of which is enough."""
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

    def values(self) -> list[str]:
        """Return the values, each of which has a line of its own; an empty one where there is none."""
        lines = self.value.replace("\r\n", "\n").split("\n")
        return [line for line in lines if line.strip()] or [""]


def row_of(one: RuleException, now: int, language: str) -> Row:
    """Return the line of an exception."""
    state = exceptions.state_of(one, now)
    rules = [(each.rule_id, own_title(each.rule_id, language) or each.title) for each in one.rules]
    source = "" if rules else str(Logsource(**one.logsource))
    hidden, alerts = int(one.replay.get("hidden", 0)), int(one.replay.get("alerts", 0))
    kind = _KIND.get(state, "off")
    alike = by_line(load_conditions(one.conditions)).values()
    conditions = [(same[0].field, same[0].how.value, [each.value for each in same]) for same in alike]
    return Row(one.id, rules, source, conditions, one.author, one.expires_at, state, kind, hidden, alerts)


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
def form(request: Request, context: Box, who: Proposer, alert: AlertNumber, base: BaseRule = "") -> Response:
    """Offer an exception from an alert, filled with the fields of its first event.

    From a correlation's alert it is one for a rule that the correlation stands on: `base`, else the first that fired.
    """
    found, rule, event = _origin(context, alert, base)
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
    base: Annotated[str, Form(alias="regula", max_length=64)] = "",
    kind: Annotated[str, Form(max_length=20)] = NAMED,
    more: More = (),
    words: Annotated[str, Form(max_length=200)] = "",
    step: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Look for rules, show what the proposal would have hidden, or send it to somebody else for their consent."""
    found, rule, _ = _origin(context, alert, base)
    rows = list(zip(field, how, value, strict=False))
    lines = [Line(name, way, text, at in chosen) for at, (name, way, text) in enumerate(rows)]
    about = Wanted(kind, more, words)
    given: dict[str, Any] = {"lines": lines, "last": last, "reason": reason, "wanted": about}
    if step == "find":
        return _form(request, context, who, found, rule, **given)
    try:
        rules = about.rules(context, rule)
        wanted = _proposal(rules, lines, reason, last, alert, about.source(rule)).check(context.now())
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
    values = {"one": one, "row": row, "text": filter_text(one), "mine": one.author == who.who}
    values["replay"] = _told(one.replay, who.language)
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
    wanted: Wanted = _ONE,
    **values: Any,
) -> Response:
    limit = local(context.now() + exceptions.LONGEST).date()
    title = own_title(rule.id, who.language) or rule.title
    hows = [one.value for one in How]
    shown = {"alert": alert, "rule": rule, "title": title, "hows": hows, "reason": reason}
    shown |= {"replay": _told(replay, who.language) if replay else None}
    shown |= {"bases": _bases(context, alert, who.language)}
    shown |= {"about": offered(context, alert, rule, wanted, who.language)}
    days = {"first": local(context.now()).date().isoformat(), "limit": (limit - timedelta(days=1)).isoformat()}
    return page(request, context, who, "rules", "exception_new.html", status=status, **shown, **days, **values)


def _told(replay: dict[str, Any], language: str) -> dict[str, Any]:
    """Return a replay with its rules called as elsewhere in the console."""
    rules = [{**one, "title": own_title(one["id"], language) or one["title"]} for one in replay.get("rules", ())]
    return {**replay, "rules": rules} if replay else {}


def _origin(context: Context, alert_id: int, base: str) -> tuple[Alert, Rule, Event]:
    """Return an alert, the rule that an exception would be for, and that rule's first event. Raises Problem 404."""
    with context.sessions() as session:
        alert = _alert(session, alert_id)
        rows, _ = service.events_of(session, alert.id, None, _LOOKED)
    events: list[Event] = [thaw(row.event) for row in rows if row.event]
    found = content_of(context, alert.rule_id)
    if isinstance(found, Correlation):
        return alert, *_base(bases_of(context, found), base, events)
    if found is None:
        raise Problem(404, "rule_unknown")
    return alert, found, events[0] if events else {}


def _base(bases: list[Rule], wanted: str, events: Sequence[Event]) -> tuple[Rule, Event]:
    """Return the wanted rule, else the first of those that matched, with an event of it. Raises Problem 404."""
    engine = Engine(RuleSet(bases, []))
    matched = [(rule, event) for event in events for rule in engine.match(event)]
    fitting = [(rule, event) for rule, event in matched if wanted in {"", rule.id}]
    if fitting:
        return fitting[0]
    named = next((rule for rule in bases if wanted in {"", rule.id}), None)
    if named is None:
        raise Problem(404, "rule_unknown")
    return named, {}


def _bases(context: Context, alert: Alert, language: str) -> list[tuple[str, str]]:
    """Return the ids and titles of the rules that a correlation's alert stands on; none for a rule's alert."""
    found = content_of(context, alert.rule_id)
    rules = bases_of(context, found) if isinstance(found, Correlation) else []
    return [(one.id, own_title(one.id, language) or one.title) for one in rules]


def _alert(session: Session, alert_id: int) -> Alert:
    try:
        return service.get_alert(session, alert_id)
    except service.UnknownAlert as error:
        raise Problem(404, "alert_unknown", values={"id": alert_id}) from error


def _proposal(
    rules: tuple[Rule, ...], lines: list[Line], reason: str, last: str, alert: int, source: Logsource | None
) -> Proposal:
    """Return what the form asks for. Raises TooWide, BadExpiry."""
    on = [one for one in lines if one.on]
    if any(one.how not in set(How) for one in on):
        raise TooWide("bad_field", next(one.field for one in on if one.how not in set(How)))
    conditions = tuple(Condition(one.field.strip(), How(one.how), value) for one in on for value in one.values())
    return Proposal(rules, conditions, reason, end_of_day(last), alert, source)


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

"""Exceptions: what rules leave alone, proposed by one and agreed to by another, until a day."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from appliance.detect import Logsource, Rule
from appliance.detect.filters import covers
from appliance.rulesets import exceptions, listed
from appliance.rulesets.conditions import MAX_CONDITIONS, MAX_VALUE, Condition, How
from appliance.rulesets.exceptions import Proposal
from appliance.rulesets.kept import filter_text
from appliance.rulesets.replay import replay
from appliance.rulesets.scope import MAX_RULES
from appliance.state.database import writing
from appliance.state.exceptions import RuleException
from appliance.web.api.common import LARGEST, After, Limit, Moment, Number, Page, api_router
from appliance.web.auth import Principal, needs, require
from appliance.web.context import Box, Context
from appliance.web.explaining import bases_of, content_of
from appliance.web.policy import Permission
from appliance.web.problem import Problem

router = api_router("exceptions")
Proposer = Annotated[Principal, Depends(require(Permission.EXCEPTIONS_PROPOSE))]
Approver = Annotated[Principal, Depends(require(Permission.EXCEPTIONS_APPROVE))]


class ConditionBody(BaseModel):
    """A field, how its value is compared (letters of either case are alike), and the literal value."""

    field: str = Field(min_length=1, max_length=120)
    how: How = How.IS
    value: str = Field(min_length=1, max_length=MAX_VALUE)


_Part = Annotated[str | None, Field(min_length=1, max_length=64)]
RuleId = Annotated[str, Field(min_length=1, max_length=64)]


class LogsourceBody(BaseModel):
    """A log source as Sigma writes it; what is left out may be anything."""

    product: _Part = None
    category: _Part = None
    service: _Part = None


class ExceptionBody(BaseModel):
    """A proposal: events of rules for which every condition holds.

    Of several with the same `field` and `how` one is enough.
    Its rules are `rules`, or `rule_id` where it is one, or every rule of a log source, those of later, too.
    """

    rule_id: RuleId | None = None
    rules: list[RuleId] = Field(default_factory=list, max_length=MAX_RULES)
    every_rule_of: LogsourceBody | None = None
    conditions: list[ConditionBody] = Field(min_length=1, max_length=MAX_CONDITIONS)
    reason: str = Field(min_length=1, max_length=exceptions.REASON)
    expires_at: Moment
    alert_id: int | None = Field(None, ge=1, le=LARGEST)


class ShareAnswer(BaseModel):
    """What an exception would have hidden of one rule."""

    id: str
    title: str
    hidden: int
    alerts: int
    alerts_of_rule: int


class ReplayAnswer(BaseModel):
    """What an exception would have hidden: events and whole alerts of its rules, with the newest events.

    `together` of `together_of_rule` are alerts of correlations that the rules serve. `rules` says how much of each.
    """

    since: int
    until: int
    hidden: int
    looked: int
    whole: bool
    events: list[dict[str, Any]]
    alerts: int
    alerts_of_rule: int
    together: int = 0
    together_of_rule: int = 0
    rules: list[ShareAnswer] = Field(default_factory=list)


class ExceptedRule(BaseModel):
    """A rule that an exception names."""

    id: str
    title: str


class ExceptionAnswer(BaseModel):
    """An exception; times in microseconds. `rule_id` and `rule_title` are of its first rule, if it names any."""

    id: int
    rule_id: str | None
    rule_title: str | None
    rules: list[ExceptedRule]
    every_rule_of: LogsourceBody | None
    state: str
    conditions: list[ConditionBody]
    reason: str
    author: str
    proposed_at: int
    expires_at: int
    approver: str
    approved_at: int | None
    withdrawn_by: str
    withdrawn_at: int | None
    alert_id: int | None
    replay: ReplayAnswer | None


class ExceptionWhole(ExceptionAnswer):
    """An exception with the Sigma filter that it is."""

    filter: str


@router.get("/exceptions", dependencies=needs(Permission.RULES_READ))
def list_exceptions(
    context: Box,
    after: After = None,
    limit: Limit = 50,
    rule_id: Annotated[str | None, Query(max_length=64)] = None,
) -> Page[ExceptionAnswer]:
    """Return exceptions, newest first; with `rule_id` those that name a rule."""
    with context.sessions() as session:
        rows, cursor = exceptions.page(session, after, limit, rule_id)
    now = context.now()
    return Page(items=[ExceptionAnswer(**_fields(row, now)) for row in rows], next=cursor)


@router.get("/exceptions/{number}", dependencies=needs(Permission.RULES_READ))
def get_exception(context: Box, number: Number) -> ExceptionWhole:
    """Return one exception."""
    with context.sessions() as session:
        row = exceptions.get(session, number)
    return ExceptionWhole(**_fields(row, context.now()), filter=filter_text(row))


@router.post("/exceptions/preview")
def preview(context: Box, who: Proposer, body: ExceptionBody) -> ReplayAnswer:
    """Return what a proposal would have hidden; nothing is written down."""
    return ReplayAnswer(**replayed(context, proposal(context, body)))


@router.post("/exceptions", status_code=201)
def propose(context: Box, who: Proposer, body: ExceptionBody) -> ExceptionWhole:
    """Propose an exception. It acts once another person agrees."""
    wanted = proposal(context, body)
    found = replayed(context, wanted)
    with writing(context.sessions) as session:
        row = exceptions.propose(session, wanted, who.actor, found, context.now())
    return ExceptionWhole(**_fields(row, context.now()), filter=filter_text(row))


@router.post("/exceptions/{number}/approve")
def approve(context: Box, who: Approver, number: Number) -> ExceptionAnswer:
    """Agree to an exception that somebody else has proposed; only a person can."""
    with writing(context.sessions) as session:
        row = exceptions.approve(session, number, who.actor, context.now())
    return ExceptionAnswer(**_fields(row, context.now()))


@router.post("/exceptions/{number}/withdraw")
def withdraw(context: Box, who: Proposer, number: Number) -> ExceptionAnswer:
    """Take an exception back: the rule finds those events again."""
    with writing(context.sessions) as session:
        row = exceptions.withdraw(session, number, who.actor, context.now())
    return ExceptionAnswer(**_fields(row, context.now()))


def proposal(context: Context, body: ExceptionBody) -> Proposal:
    """Return what a body asks for, checked. Raises Problem 404, TooWide, BadText, BadExpiry."""
    ids = body.rules or ([body.rule_id] if body.rule_id else [])
    if (body.every_rule_of is None) != bool(ids) or (body.rules and body.rule_id):
        raise Problem(422, "exception_scope")
    source = Logsource(**body.every_rule_of.model_dump()) if body.every_rule_of else None
    rules = tuple(_rule(context, one) for one in ids) if source is None else rules_of(context, source)
    conditions = tuple(Condition(one.field, one.how, one.value) for one in body.conditions)
    return Proposal(rules, conditions, body.reason, body.expires_at, body.alert_id, source).check(context.now())


def _rule(context: Context, identity: str) -> Rule:
    rule = content_of(context, identity)
    if rule is None:
        raise Problem(404, "rule_unknown")
    if not isinstance(rule, Rule):
        bases = "; ".join(f"{one.title} ({one.id})" for one in bases_of(context, rule))
        raise Problem(422, "exception_correlation", values={"rules": bases})
    return rule


def rules_of(context: Context, source: Logsource) -> tuple[Rule, ...]:
    """Return every rule in force of a log source."""
    at_work = (one.rule for one in listed(context.rules()) if one.at_work)
    return tuple(one for one in at_work if isinstance(one, Rule) and covers(source, one.logsource))


def replayed(context: Context, wanted: Proposal) -> dict[str, Any]:
    """Return what a proposal would have hidden."""
    with context.sessions() as session:
        return replay(context.store, session, wanted, context.now(), ruleset=context.rules()).dump()


def _fields(row: RuleException, now: int) -> dict[str, Any]:
    plain = ("id", "conditions", "reason", "author", "proposed_at", "expires_at", "approver", "approved_at",
             "withdrawn_by", "withdrawn_at", "alert_id")  # fmt: skip
    values = {name: getattr(row, name) for name in plain}
    rules = [ExceptedRule(id=one.rule_id, title=one.title) for one in row.rules]
    first = rules[0] if rules else None
    return values | {
        "rule_id": first.id if first else None,
        "rule_title": first.title if first else None,
        "rules": rules,
        "every_rule_of": None if rules else LogsourceBody(**row.logsource),
        "state": exceptions.state_of(row, now),
        "replay": row.replay or None,
    }

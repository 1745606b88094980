"""Exceptions: what a rule leaves alone, proposed by one and agreed to by another, until a day."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from appliance.detect import Rule
from appliance.rulesets import exceptions
from appliance.rulesets.conditions import MAX_CONDITIONS, MAX_VALUE, Condition, How
from appliance.rulesets.exceptions import Proposal
from appliance.rulesets.kept import filter_text
from appliance.rulesets.replay import replay
from appliance.state.database import writing
from appliance.state.models import RuleException
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


class ExceptionBody(BaseModel):
    """A proposal: events of one rule for which every condition holds.

    Of several with the same `field` and `how` one is enough.
    """

    rule_id: str = Field(min_length=1, max_length=64)
    conditions: list[ConditionBody] = Field(min_length=1, max_length=MAX_CONDITIONS)
    reason: str = Field(min_length=1, max_length=exceptions.REASON)
    expires_at: Moment
    alert_id: int | None = Field(None, ge=1, le=LARGEST)


class ReplayAnswer(BaseModel):
    """What an exception would have hidden: events and whole alerts of the rule, with the newest events.

    `together` of `together_of_rule` are alerts of correlations that the rule serves.
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


class ExceptionAnswer(BaseModel):
    """An exception; times in microseconds."""

    id: int
    rule_id: str
    rule_title: str
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
    """Return exceptions, newest first."""
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
    rule = content_of(context, body.rule_id)
    if rule is None:
        raise Problem(404, "rule_unknown")
    if not isinstance(rule, Rule):
        bases = "; ".join(f"{one.title} ({one.id})" for one in bases_of(context, rule))
        raise Problem(422, "exception_correlation", values={"rules": bases})
    conditions = tuple(Condition(one.field, one.how, one.value) for one in body.conditions)
    return Proposal(rule, conditions, body.reason, body.expires_at, body.alert_id).check(context.now())


def replayed(context: Context, wanted: Proposal) -> dict[str, Any]:
    """Return what a proposal would have hidden."""
    with context.sessions() as session:
        return replay(context.store, session, wanted, context.now(), ruleset=context.rules()).dump()


def _fields(row: RuleException, now: int) -> dict[str, Any]:
    plain = ("id", "rule_id", "rule_title", "conditions", "reason", "author", "proposed_at", "expires_at", "approver",
             "approved_at", "withdrawn_by", "withdrawn_at", "alert_id")  # fmt: skip
    values = {name: getattr(row, name) for name in plain}
    return values | {"state": exceptions.state_of(row, now), "replay": row.replay or None}

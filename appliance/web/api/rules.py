"""The rules in force, what each has seen, and the faults of those that could not be loaded."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel
from sqlalchemy import select

from appliance.detect.correlation import Correlation
from appliance.detect.visibility import Sight
from appliance.rulesets import Listed, listed
from appliance.state.models import RuleState
from appliance.web.api.common import api_router
from appliance.web.auth import needs
from appliance.web.context import Box
from appliance.web.explaining import listing_of
from appliance.web.policy import Permission
from appliance.web.problem import Problem

router = api_router("rules")
RuleId = Annotated[str, Path(min_length=1, max_length=64)]


class RuleAnswer(BaseModel):
    """A rule and its life; times in microseconds, null for never.

    `evaluated_at` is when an event of its log source was last put to it, within the days of `rules.data_days`.
    `correlation` is the type of one.
    """

    id: str
    title: str
    level: int
    status: str
    tags: list[str]
    product: str | None
    category: str | None
    service: str | None
    correlation: str | None
    matched_at: int | None
    evaluated_at: int | None
    hits: int
    author: str
    origin: str
    """`office`, `folder`, `shipped` or `imported`."""
    release: str
    """The release that it is of, with its version."""
    licence: str
    """What the rule itself says, else that of the release."""
    sight: str | None
    """What it sees (the states of `/rules/visibility`); null for what is off."""
    off: str | None
    """Why it is off; null when it is at work."""
    off_detail: str
    serves: list[str]
    """The ids of the correlations in force that refer to it."""
    silent: bool
    """Whether it is at work for these alone and gives no alerts of its own."""
    author_level: int
    """The level that its author gave it."""


class RuleWhole(RuleAnswer):
    """A rule with its words."""

    description: str
    references: list[str]
    falsepositives: list[str]


class FaultAnswer(BaseModel):
    """A rule that could not be loaded."""

    file: str
    line: int
    message: str


class RulesAnswer(BaseModel):
    """All rules that the office has, in force and not, and all faults."""

    items: list[RuleAnswer]
    faults: list[FaultAnswer]


@router.get("/rules", dependencies=needs(Permission.RULES_READ))
def list_rules(
    context: Box,
) -> RulesAnswer:
    """Return every rule, in force and not."""
    with context.sessions() as session:
        states = {state.rule_id: state for state in session.scalars(select(RuleState))}
    ruleset = context.rules()
    sights = context.vision.of(context).sights
    items = [RuleAnswer(**_fields(one, states.get(one.rule.id), sights.get(one.rule.id))) for one in listed(ruleset)]
    faults = [FaultAnswer(file=f.file, line=f.line, message=f.message) for f in ruleset.faults[:1000]]
    return RulesAnswer(items=items, faults=faults)


@router.get("/rules/{rule_id}", dependencies=needs(Permission.RULES_READ))
def get_rule(context: Box, rule_id: RuleId) -> RuleWhole:
    """Return one rule."""
    one = listing_of(context, rule_id)
    if one is None:
        raise Problem(404, "rule_unknown")
    with context.sessions() as session:
        state = session.get(RuleState, rule_id)
    rule = one.rule
    return RuleWhole(
        **_fields(one, state, context.vision.of(context).sights.get(rule_id)),
        description=rule.description,
        references=list(rule.references),
        falsepositives=list(rule.falsepositives),
    )


def _fields(one: Listed, state: RuleState | None, sight: Sight | None) -> dict[str, object]:
    rule = one.rule
    source = None if isinstance(rule, Correlation) else rule.logsource
    off = None if one.at_work else one.off
    return {
        "id": rule.id,
        "title": rule.title,
        "level": rule.level,
        "status": rule.status,
        "tags": list(rule.tags),
        "product": source.product if source else None,
        "category": source.category if source else None,
        "service": source.service if source else None,
        "correlation": rule.kind.value if isinstance(rule, Correlation) else None,
        "matched_at": state.matched_at if state else None,
        "evaluated_at": sight.last_at if sight else None,
        "hits": state.hits if state else 0,
        "author": rule.author,
        "origin": one.origin.kind,
        "release": one.origin.label,
        "licence": one.licence,
        "sight": sight.state.value if sight and one.at_work else None,
        "off": off.why if off else None,
        "off_detail": off.detail if off else "",
        "serves": list(one.serves),
        "silent": one.silent,
        "author_level": one.level,
    }

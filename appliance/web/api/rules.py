"""The rules in force, what each has seen, and the faults of those that could not be loaded."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel
from sqlalchemy import select

from appliance.detect import Rule
from appliance.detect.correlation import Correlation
from appliance.detect.visibility import Sight
from appliance.state.models import RuleState
from appliance.web.api.common import api_router
from appliance.web.auth import needs
from appliance.web.context import Box
from appliance.web.explaining import content_of
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


class RuleWhole(RuleAnswer):
    """A rule with its words."""

    description: str
    author: str
    references: list[str]
    falsepositives: list[str]


class FaultAnswer(BaseModel):
    """A rule that could not be loaded."""

    file: str
    line: int
    message: str


class RulesAnswer(BaseModel):
    """All rules in force and all faults."""

    items: list[RuleAnswer]
    faults: list[FaultAnswer]


@router.get("/rules", dependencies=needs(Permission.RULES_READ))
def list_rules(
    context: Box,
) -> RulesAnswer:
    """Return every rule in force."""
    with context.sessions() as session:
        states = {state.rule_id: state for state in session.scalars(select(RuleState))}
    ruleset = context.rules()
    sights = context.vision.of(context).sights
    content: list[Rule | Correlation] = [*ruleset.rules, *ruleset.correlations]
    items = [RuleAnswer(**_fields(rule, states.get(rule.id), sights.get(rule.id))) for rule in content]
    faults = [FaultAnswer(file=f.file, line=f.line, message=f.message) for f in ruleset.faults[:1000]]
    return RulesAnswer(items=items, faults=faults)


@router.get("/rules/{rule_id}", dependencies=needs(Permission.RULES_READ))
def get_rule(context: Box, rule_id: RuleId) -> RuleWhole:
    """Return one rule."""
    rule = content_of(context, rule_id)
    if rule is None:
        raise Problem(404, "rule_unknown")
    with context.sessions() as session:
        state = session.get(RuleState, rule_id)
    return RuleWhole(
        **_fields(rule, state, context.vision.of(context).sights.get(rule_id)),
        description=rule.description,
        author=rule.author,
        references=list(rule.references),
        falsepositives=list(rule.falsepositives),
    )


def _fields(rule: Rule | Correlation, state: RuleState | None, sight: Sight | None) -> dict[str, object]:
    source = None if isinstance(rule, Correlation) else rule.logsource
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
    }

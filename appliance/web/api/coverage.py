"""What each rule can see, and the ATT&CK techniques that the rules cover."""

from __future__ import annotations

from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy import select

from appliance.detect.visibility import State
from appliance.ops.overview import navigator
from appliance.state.models import RuleState
from appliance.web.api.common import api_router
from appliance.web.auth import needs
from appliance.web.context import Box
from appliance.web.policy import Permission

router = api_router("rules")


class SightAnswer(BaseModel):
    """What one rule or correlation sees and does; times in microseconds.

    `state` is unfed (no source gives such events, `reason` says why), silent (no events came), blind (all events
    lack `missing`), limited (events lack `missing`, the rule can match without them) or seeing. `nanoseconds` is the
    mean time that deciding one event took, null where it is not measured. `without` are the ids of the rules of a
    correlation that get no data of use; it is limited when its condition can do without them.
    """

    rule_id: str
    state: State
    reason: str | None
    missing: list[str]
    without: list[str]
    events: int
    evaluated_at: int | None
    matched_at: int | None
    tested_at: int | None
    hits: int
    hits_a_day: float
    nanoseconds: float | None


class VisibilityAnswer(BaseModel):
    """Every rule and correlation in force over the last `days` days, and how many rules are in each state."""

    days: int
    states: dict[State, int]
    items: list[SightAnswer]


class TechniqueAnswer(BaseModel):
    """One ATT&CK technique: rules that name it, those whose data arrives, those that were seen to fire."""

    id: str
    tactics: list[str]
    rules: int
    arriving: int
    fired: int


class CoverageAnswer(BaseModel):
    """Every technique that a rule names."""

    days: int
    techniques: list[TechniqueAnswer]


@router.get("/rules/visibility", dependencies=needs(Permission.RULES_READ))
def get_visibility(context: Box) -> VisibilityAnswer:
    """Return what each rule and correlation in force can see."""
    view = context.vision.of(context)
    language = context.settings.language
    with context.sessions() as session:
        lives = {state.rule_id: state for state in session.scalars(select(RuleState))}
    items = []
    for name, sight in view.sights.items():
        life, reason = lives.get(name), sight.reason
        items.append(
            SightAnswer(
                rule_id=name,
                state=sight.state,
                reason=None if reason is None else (reason.pl if language == "pl" else reason.en),
                missing=list(sight.missing),
                without=list(sight.without),
                events=sight.events,
                evaluated_at=sight.last_at,
                matched_at=life.matched_at if life else None,
                tested_at=life.tested_at if life else None,
                hits=life.hits if life else 0,
                hits_a_day=view.hits_a_day(name),
                nanoseconds=view.cost(name),
            )
        )
    return VisibilityAnswer(days=view.days, states=view.states(), items=items)


@router.get("/rules/coverage", dependencies=needs(Permission.RULES_READ))
def get_coverage(context: Box) -> CoverageAnswer:
    """Return the ATT&CK techniques that the rules cover."""
    view = context.vision.of(context)
    techniques = [
        TechniqueAnswer(id=one.id, tactics=list(one.tactics), rules=one.rules, arriving=one.arriving, fired=one.fired)
        for one in view.techniques
    ]
    return CoverageAnswer(days=view.days, techniques=techniques)


@router.get(
    "/rules/coverage/navigator",
    dependencies=needs(Permission.RULES_READ),
    response_model=dict[str, Any],
    responses={200: {"description": "A layer of the ATT&CK Navigator, format 4.5."}},
)
def get_layer(context: Box) -> JSONResponse:
    """Return the coverage as a layer of the ATT&CK Navigator."""
    layer = navigator(context.vision.of(context), context.settings.language)
    return JSONResponse(layer, headers={"Content-Disposition": 'attachment; filename="czujka-attack.json"'})

"""Legal hold: stored events that stay whatever retention says."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel, Field

from appliance.ops import holds
from appliance.ops.holds import HoldFault, Wish
from appliance.state.database import writing
from appliance.state.holds import StoreHold
from appliance.web.api.common import LARGEST, Answer, Moment, Number, api_router
from appliance.web.auth import Principal, needs, require
from appliance.web.context import Box, Context
from appliance.web.policy import Permission
from appliance.web.problem import Problem

router = api_router("holds")
Setter = Annotated[Principal, Depends(require(Permission.HOLDS_SET))]


class HoldBody(BaseModel):
    """Events of a time, of one host or all; or of an alert, whose time and host are taken where none are given.

    Without `until` the hold acts until somebody lifts it.
    """

    reason: str = Field(min_length=1, max_length=holds.REASON)
    start: Moment | None = None
    end: Moment | None = None
    host: str = Field("", max_length=holds.HOST)
    alert_id: int | None = Field(None, ge=1, le=LARGEST)
    until: Moment | None = None


class HoldAnswer(Answer):
    """A hold; times in microseconds."""

    id: int
    start: int
    end: int
    host: str
    alert_id: int | None
    reason: str
    who: str
    created_at: int
    until: int | None
    lifted_at: int | None
    lifted_by: str
    in_force: bool


class HoldList(BaseModel):
    """The newest holds, also those that are over."""

    items: list[HoldAnswer]


@router.get("/holds", dependencies=needs(Permission.HEALTH_READ))
def list_holds(context: Box) -> HoldList:
    """Return the newest holds."""
    return HoldList(items=shown(context))


@router.post("/holds", status_code=201)
def set_hold(context: Box, who: Setter, body: HoldBody) -> HoldAnswer:
    """Set a hold."""
    wish = Wish(body.reason, body.start, body.end, body.host, body.alert_id, body.until)
    return set_for(context, who, wish)


@router.post("/holds/{number}/lift")
def lift_hold(context: Box, who: Setter, number: Number) -> HoldAnswer:
    """Lift a hold: what it kept goes at the next run of retention when its time is over."""
    return lift_for(context, who, number)


def shown(context: Context) -> list[HoldAnswer]:
    """Return the newest holds as answers."""
    now = context.now()
    with context.sessions() as session:
        return [_answer(row, now) for row in holds.newest(session)]


def set_for(context: Context, who: Principal, wish: Wish) -> HoldAnswer:
    """Set a hold for somebody. Raises Problem."""
    now = context.now()
    try:
        with writing(context.sessions) as session:
            return _answer(holds.add(session, wish, who.who, now), now)
    except HoldFault as fault:
        raise Problem(404 if fault.code == "hold_no_alert" else 422, fault.code) from fault


def lift_for(context: Context, who: Principal, number: int) -> HoldAnswer:
    """Lift a hold for somebody. Raises Problem."""
    now = context.now()
    try:
        with writing(context.sessions) as session:
            return _answer(holds.lift(session, number, who.who, now), now)
    except HoldFault as fault:
        raise Problem(409, fault.code) from fault


def _answer(row: StoreHold, now: int) -> HoldAnswer:
    names = HoldAnswer.model_fields.keys() - {"in_force"}
    return HoldAnswer(**{name: getattr(row, name) for name in names}, in_force=holds.acts(row, now))

"""Known weaknesses over all stations, the age of the feeds, and what is accepted until a day."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel, Field

from appliance.state.database import writing
from appliance.state.stations import WeaknessAcceptance
from appliance.vulnerabilities import accepted
from appliance.vulnerabilities.accepted import AcceptanceFault, Known, Wish
from appliance.vulnerabilities.feeds import Shelf
from appliance.web.api.common import Answer, Moment, Number, api_router
from appliance.web.auth import Principal, needs, require
from appliance.web.context import Box, Context
from appliance.web.policy import Permission
from appliance.web.problem import Problem

router = api_router("weaknesses")
Manager = Annotated[Principal, Depends(require(Permission.AGENTS_MANAGE))]
LISTED = 1000


class WeaknessAnswer(BaseModel):
    """A weakness: which stations have it (id → host name), in which products (→ the first version without it)."""

    name: str
    title: str
    severity: str
    exploited: bool
    since: int
    stations: dict[str, str]
    products: dict[str, str]
    accepted_until: int | None


class WeaknessList(BaseModel):
    """Those used in attacks first; at most 1000 of `total`. `feeds_made_at` is null where no bundle was taken."""

    items: list[WeaknessAnswer]
    total: int
    feeds_made_at: int | None


class AcceptBody(BaseModel):
    """A weakness that may stay until a day; without a station on all of them."""

    name: str = Field(min_length=1, max_length=64)
    reason: str = Field(min_length=1, max_length=accepted.REASON)
    until: Moment
    agent_id: str = Field("", pattern="^([0-9a-f-]{36})?$")


class AcceptanceAnswer(Answer):
    """An acceptance; times in microseconds."""

    id: int
    name: str
    agent_id: str
    reason: str
    who: str
    created_at: int
    until: int
    withdrawn_at: int | None
    withdrawn_by: str
    in_force: bool


class AcceptanceList(BaseModel):
    """The newest acceptances, also those that are over."""

    items: list[AcceptanceAnswer]


@router.get("/weaknesses", dependencies=needs(Permission.AGENTS_READ))
def list_weaknesses(context: Box) -> WeaknessList:
    """Return the known weaknesses of all stations."""
    with context.sessions() as session:
        found = accepted.known(session, context.now())
    return WeaknessList(
        items=[_weakness(one) for one in found[:LISTED]], total=len(found), feeds_made_at=made_at(context)
    )


@router.get("/weaknesses/acceptances", dependencies=needs(Permission.AGENTS_READ))
def list_acceptances(context: Box) -> AcceptanceList:
    """Return the newest acceptances."""
    return AcceptanceList(items=acceptances(context))


@router.post("/weaknesses/acceptances", status_code=201)
def accept(context: Box, who: Manager, body: AcceptBody) -> AcceptanceAnswer:
    """Accept a weakness until a day; it stays in the list, marked."""
    return accept_for(context, who, Wish(body.name, body.reason, body.until, body.agent_id))


@router.post("/weaknesses/acceptances/{number}/withdraw")
def withdraw(context: Box, who: Manager, number: Number) -> AcceptanceAnswer:
    """Take an acceptance back."""
    return withdraw_for(context, who, number)


def made_at(context: Context) -> int | None:
    """Return when the feeds in force were made; None without any."""
    return Shelf(context.home.feeds).made_at()


def acceptances(context: Context) -> list[AcceptanceAnswer]:
    """Return the newest acceptances as answers."""
    with context.sessions() as session:
        return [_acceptance(row, context.now()) for row in accepted.newest(session)]


def accept_for(context: Context, who: Principal, wish: Wish) -> AcceptanceAnswer:
    """Accept a weakness for somebody. Raises Problem."""
    now = context.now()
    try:
        with writing(context.sessions) as session:
            return _acceptance(accepted.accept(session, wish, who.who, now), now)
    except AcceptanceFault as fault:
        raise Problem(422, fault.code) from fault


def withdraw_for(context: Context, who: Principal, number: int) -> AcceptanceAnswer:
    """Take an acceptance back for somebody. Raises Problem."""
    now = context.now()
    try:
        with writing(context.sessions) as session:
            return _acceptance(accepted.withdraw(session, number, who.who, now), now)
    except AcceptanceFault as fault:
        raise Problem(409, fault.code) from fault


def _weakness(one: Known) -> WeaknessAnswer:
    return WeaknessAnswer(
        name=one.name,
        title=one.title,
        severity=one.severity,
        exploited=one.exploited,
        since=one.since,
        stations=one.stations,
        products=one.products,
        accepted_until=one.accepted.until if one.accepted else None,
    )


def _acceptance(row: WeaknessAcceptance, now: int) -> AcceptanceAnswer:
    names = AcceptanceAnswer.model_fields.keys() - {"in_force"}
    return AcceptanceAnswer(**{name: getattr(row, name) for name in names}, in_force=accepted.acts(row, now))

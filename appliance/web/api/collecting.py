"""What stations may collect: the categories, what is decided on each, and the decisions."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from agent.wire.categories import CATEGORIES
from appliance.state.database import writing
from appliance.state.models import Agent
from appliance.stations import collecting
from appliance.web.api.common import api_router
from appliance.web.auth import Principal, needs, require
from appliance.web.context import Box
from appliance.web.policy import Permission
from appliance.web.problem import Problem

router = api_router("collecting")
Manager = Annotated[Principal, Depends(require(Permission.AGENTS_MANAGE))]
ONE = "^[0-9a-f-]{36}$"
Station = Annotated[
    str | None, Query(alias="agent_id", pattern=ONE, description="Of one station; without it what holds for all.")
]


class CategoryAnswer(BaseModel):
    """A category, and whether it is collected: by whose decision (empty: nobody's) and since when.

    `own` when it was decided for this station alone.
    """

    category: str
    pl: str
    en: str
    collected: bool
    who: str
    at: int
    own: bool


class CollectingAnswer(BaseModel):
    """Every category of the closed list, and the stations for which something is decided apart."""

    items: list[CategoryAnswer]
    apart: list[str]


class SwitchBody(BaseModel):
    """A decision on one category, for one station or for all; null gives a station back to what holds for all."""

    category: str = Field(min_length=1, max_length=32)
    collected: bool | None
    agent_id: str | None = Field(None, pattern=ONE)


@router.get("/collecting", dependencies=needs(Permission.AGENTS_READ))
def list_collecting(context: Box, station: Station = None) -> CollectingAnswer:
    """Return what is collected, of one station or of all."""
    with context.sessions() as session:
        _known(session, station)
        return _answer(session, station)


@router.post("/collecting")
def switch(context: Box, who: Manager, body: SwitchBody) -> CollectingAnswer:
    """Decide on a category. Stations that are on hear of it within half a minute."""
    if body.collected is None and body.agent_id is None:
        raise Problem(422, "collecting_unknown")
    with writing(context.sessions) as session:
        _known(session, body.agent_id)
        try:
            collecting.switch(session, who.who, body.category, body.collected, agent=body.agent_id, now=context.now())
        except collecting.UnknownCategory as error:
            raise Problem(422, "collecting_unknown") from error
        session.flush()
        return _answer(session, body.agent_id)


def _known(session: Session, station: str | None) -> None:
    if station is not None and session.get(Agent, station) is None:
        raise Problem(404, "agent_unknown")


def _answer(session: Session, station: str | None) -> CollectingAnswer:
    held = collecting.holding(session, station)
    items = [
        CategoryAnswer(
            category=name, pl=one.pl, en=one.en,
            collected=held[name].collected, who=held[name].who, at=held[name].at, own=held[name].own,
        )
        for name, one in CATEGORIES.items()
    ]  # fmt: skip
    return CollectingAnswer(items=items, apart=collecting.stations_apart(session))

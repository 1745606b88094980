"""Versions of the agent: packages in hand, roll-outs, and how far the newest one is."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel, Field
from sqlalchemy import select

from appliance.packages.shelf import Kind
from appliance.state.updates import Rollout, RolloutState
from appliance.updates.progress import Progress, Standing, progress, shelved
from appliance.web import rollouts
from appliance.web.api.common import Answer, Number, api_router
from appliance.web.auth import Principal, needs, require
from appliance.web.context import Box, Context
from appliance.web.policy import Permission
from appliance.web.problem import Problem

router = api_router("rollouts")
Manager = Annotated[Principal, Depends(require(Permission.AGENTS_MANAGE))]
READ = needs(Permission.AGENTS_READ)
LISTED = 50
"""Roll-outs in a list; there is one a version."""


class PackageAnswer(Answer):
    """A package in hand; `signed` tells that a signature lies beside it. Times in microseconds."""

    kind: Kind
    version: str
    name: str
    size: int
    made_at: int
    signed: bool


class PackageList(BaseModel):
    """Every package in hand, the latest of each kind first."""

    items: list[PackageAnswer]


class RolloutAnswer(Answer):
    """A version on its way; `ring` is the percent of the stations that it goes to. Times in microseconds."""

    id: int
    version: str
    sha256: str
    size: int
    ring: int
    not_before: int
    state: RolloutState
    started_at: int
    changed_at: int


class RolloutList(BaseModel):
    """The newest roll-outs."""

    items: list[RolloutAnswer]


class RingAnswer(Answer):
    """The stations of one ring alone, by how they stand to the version."""

    ring: int
    open: bool
    total: int
    standing: dict[Standing, int]


class PlaceAnswer(BaseModel):
    """One station; `reason` is `crashed` or `silent` where it went back."""

    agent_id: str
    hostname: str
    version: str
    ring: int
    standing: Standing
    reason: str


class ProgressAnswer(BaseModel):
    """A roll-out, its rings, and every station that updates itself."""

    rollout: RolloutAnswer
    rings: list[RingAnswer]
    stations: list[PlaceAnswer]


class StartBody(BaseModel):
    """In how many hours stations are to get it; `version` refuses any but that one."""

    delay_hours: int = Field(0, ge=0, le=rollouts.MOST_HOURS)
    version: str | None = Field(None, max_length=32)


class PromoteBody(BaseModel):
    """The ring that the asker means; any but the next one is refused."""

    to: int | None = Field(None, ge=1, le=100)


@router.get("/agent-packages", dependencies=READ)
def list_packages(context: Box) -> PackageList:
    """Return the packages in hand."""
    return PackageList(items=[PackageAnswer.model_validate(one) for one in shelved(context.home.agent_packages)])


@router.get("/rollouts", dependencies=READ)
def list_rollouts(context: Box) -> RolloutList:
    """Return the newest roll-outs; only the first one of the list can be changed."""
    return RolloutList(items=[RolloutAnswer.model_validate(one) for one in newest(context)])


@router.get("/rollouts/{number}", dependencies=READ)
def get_rollout(context: Box, number: Number) -> ProgressAnswer:
    """Return how far a roll-out is."""
    with context.sessions() as session:
        row = session.get(Rollout, number)
        if row is None:
            raise Problem(404, "rollout_unknown")
        return _progress(progress(session, row, context.now()))


@router.post("/rollouts", status_code=201)
def start(context: Box, who: Manager, body: StartBody) -> RolloutAnswer:
    """Offer the latest version in hand to the first ring."""
    return RolloutAnswer.model_validate(rollouts.start_for(context, who, body.delay_hours, body.version))


@router.post("/rollouts/{number}/promote")
def promote(context: Box, who: Manager, number: Number, body: PromoteBody) -> RolloutAnswer:
    """Offer it to the next ring."""
    return RolloutAnswer.model_validate(rollouts.act_for(context, who, number, "promote", body.to))


@router.post("/rollouts/{number}/stop")
def stop(context: Box, who: Manager, number: Number) -> RolloutAnswer:
    """Offer it to nobody until it is resumed; stations that have it keep it."""
    return RolloutAnswer.model_validate(rollouts.act_for(context, who, number, "stop"))


@router.post("/rollouts/{number}/resume")
def resume(context: Box, who: Manager, number: Number) -> RolloutAnswer:
    """Let a stopped one go on."""
    return RolloutAnswer.model_validate(rollouts.act_for(context, who, number, "resume"))


@router.post("/rollouts/{number}/end")
def end(context: Box, who: Manager, number: Number) -> RolloutAnswer:
    """End it for good: only a later version can be rolled out then."""
    return RolloutAnswer.model_validate(rollouts.act_for(context, who, number, "end"))


def newest(context: Context) -> list[Rollout]:
    """Return the newest roll-outs, newest first."""
    with context.sessions() as session:
        return list(session.scalars(select(Rollout).order_by(Rollout.id.desc()).limit(LISTED)))


def _progress(one: Progress) -> ProgressAnswer:
    places = [
        PlaceAnswer(
            agent_id=place.agent.id,
            hostname=place.agent.hostname,
            version=place.agent.version,
            ring=place.ring,
            standing=place.standing,
            reason=place.back.reason if place.back else "",
        )
        for place in one.places
    ]
    rings = [RingAnswer.model_validate(ring) for ring in one.rings]
    return ProgressAnswer(rollout=RolloutAnswer.model_validate(one.rollout), rings=rings, stations=places)

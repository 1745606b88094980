"""Stations: what they are, when they were last heard, and the right to send."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Depends, Path
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.clock import HOUR
from appliance.intake.enrolment import create_enrol_token
from appliance.ops.operations import record
from appliance.state.database import writing
from appliance.state.models import Agent, AgentState
from appliance.web import handout
from appliance.web.api.common import After, Answer, Limit, Page, api_router
from appliance.web.auth import Principal, needs, require
from appliance.web.context import Box
from appliance.web.policy import Permission
from appliance.web.problem import Problem

router = api_router("agents")
Manager = Annotated[Principal, Depends(require(Permission.AGENTS_MANAGE))]
AgentId = Annotated[str, Path(pattern="^[0-9a-f-]{36}$")]


class AgentAnswer(Answer):
    """A station. Times are microseconds since the epoch."""

    id: str
    hostname: str
    os: str
    version: str
    address: str
    expires_at: int
    state: AgentState
    enrolled_at: int
    seen_at: int | None
    event_at: int | None
    records: int
    spooled: int
    skew_us: int
    rtt_us: int
    skew_at: int | None
    replaced_by: str | None
    sensors: list[dict[str, Any]]


class EnrolBody(BaseModel):
    """What an enrolment token allows."""

    uses: int = Field(1, ge=1, le=1000)
    hours: int = Field(24, ge=1, le=24 * 30)
    urls: list[Annotated[str, Field(pattern=r"^https://[A-Za-z0-9.\[\]:_-]{1,200}$")]] = Field(
        default_factory=list, max_length=10, description="Where agents reach the gateway; from the settings when empty."
    )


class InstallBody(BaseModel):
    """For which system, and what its token allows."""

    system: Literal["linux", "windows"]
    uses: int = Field(1, ge=1, le=1000)
    hours: int = Field(24, ge=1, le=24 * 30)


class InstallAnswer(BaseModel):
    """The command of one line that installs and enrols an agent; it cannot be had again."""

    version: str
    command: str
    token: str
    expires_at: int


class EnrolAnswer(BaseModel):
    """An enrolment token; it cannot be had again."""

    token: str
    expires_at: int


@router.get("/agents", dependencies=needs(Permission.AGENTS_READ))
def list_agents(context: Box, after: After = None, limit: Limit = 200) -> Page[AgentAnswer]:
    """Return stations by id."""
    with context.sessions() as session:
        query = select(Agent).where(Agent.id > (after or "")).order_by(Agent.id).limit(limit + 1)
        found = list(session.scalars(query))
    items = [AgentAnswer.model_validate(agent) for agent in found[:limit]]
    return Page(items=items, next=items[-1].id if len(found) > limit else None)


@router.get("/agents/{agent_id}", dependencies=needs(Permission.AGENTS_READ))
def get_agent(context: Box, agent_id: AgentId) -> AgentAnswer:
    """Return one station."""
    with context.sessions() as session:
        return AgentAnswer.model_validate(_agent(session, agent_id))


@router.post("/agents/{agent_id}/revoke")
def revoke(context: Box, who: Manager, agent_id: AgentId) -> AgentAnswer:
    """Take a station's right to send, at once; its events and alerts stay."""
    with writing(context.sessions) as session:
        agent = _agent(session, agent_id)
        agent.state = AgentState.REVOKED
        record(session, who.who, "agent.revoked", agent.id, context.now(), hostname=agent.hostname)
        return AgentAnswer.model_validate(agent)


@router.post("/enrol-tokens", status_code=201)
def create_token(context: Box, who: Manager, body: EnrolBody) -> EnrolAnswer:
    """Make a token with which stations enrol."""
    now = context.now()
    urls = body.urls or context.settings.gateway_urls()
    ttl = body.hours * HOUR
    with writing(context.sessions) as session:
        token = create_enrol_token(session, urls, context.home.ca.read_bytes(), uses=body.uses, ttl=ttl, now=now)
        record(session, who.who, "enrol_token.created", "", now, uses=body.uses, hours=body.hours)
    return EnrolAnswer(token=token, expires_at=now + ttl)


@router.post("/agent-installations", status_code=201)
def create_installation(context: Box, who: Manager, body: InstallBody) -> InstallAnswer:
    """Make a token and the command that installs the agent's latest package with it."""
    made = handout.installation(context, who, body.system, body.uses, body.hours)
    return InstallAnswer(version=made.version, command=made.command, token=made.token, expires_at=made.expires_at)


def _agent(session: Session, agent_id: str) -> Agent:
    agent = session.get(Agent, agent_id)
    if agent is None:
        raise Problem(404, "agent_unknown")
    return agent

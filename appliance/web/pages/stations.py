"""Stations `/stacje`: who sends, what is missing and why, how to enrol one, how to take its right to send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from sqlalchemy import select

from appliance.clock import MINUTE
from appliance.state.models import Agent, AgentState
from appliance.web.api import agents
from appliance.web.api.agents import AgentId
from appliance.web.auth import Principal, require
from appliance.web.context import Box, Context
from appliance.web.pages.render import catalogue
from appliance.web.pages.shell import SILENT, back_to, page
from appliance.web.pages.views.events import term
from appliance.web.policy import Permission

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, Depends(require(Permission.AGENTS_READ))]
Manager = Annotated[Principal, Depends(require(Permission.AGENTS_MANAGE))]
SKEWED = MINUTE
"""A clock that is off by more is worth a word."""
MOST_USES = 200
MOST_HOURS = 24 * 30


@dataclass(frozen=True, slots=True)
class Sensor:
    """One sensor of a station; `reason` is a catalogue key or what the agent said, `figures` what it counts."""

    name: str
    kind: str
    state: str
    reason: str
    reason_key: str
    figures: dict[str, int]


@dataclass(frozen=True, slots=True)
class Station:
    """One station; times and spans in microseconds."""

    id: str
    hostname: str
    os: str
    version: str
    address: str
    kind: str
    state: str
    seen_at: int | None
    lag_us: int | None
    skew_us: int
    skewed: bool
    spooled: int
    records: int
    expires_at: int
    sensors: tuple[Sensor, ...]
    query: str


def station(agent: Agent, now: int) -> Station:
    """Return what the page shows of an agent."""
    silent = agent.seen_at is None or now - agent.seen_at > SILENT
    revoked = agent.state == AgentState.REVOKED
    state = "revoked" if revoked else "never" if agent.seen_at is None else "silent" if silent else "heard"
    return Station(
        id=agent.id,
        hostname=agent.hostname,
        os=agent.os,
        version=agent.version,
        address=agent.address,
        kind={"revoked": "off", "never": "off", "silent": "late", "heard": "ok"}[state],
        state=state,
        seen_at=agent.seen_at,
        lag_us=max(0, now - agent.event_at) if agent.event_at is not None else None,
        skew_us=abs(agent.skew_us),
        skewed=abs(agent.skew_us) > SKEWED,
        spooled=agent.spooled,
        records=agent.records,
        expires_at=agent.expires_at,
        sensors=sensors_of(agent),
        query=term("agent.id", agent.id),
    )


def sensors_of(agent: Agent) -> tuple[Sensor, ...]:
    """Return what an agent said of its sensors."""
    return tuple(_sensor(one) for one in agent.sensors[:50] if isinstance(one, dict))


def _sensor(told: dict[str, object]) -> Sensor:
    state = str(told.get("state", "off"))
    state = state if state in {"on", "off", "limited"} else "off"
    reason = str(told.get("reason") or "")[:200]
    kind = {"on": "ok", "limited": "late", "off": "off"}[state]
    figures = told.get("figures")
    key = reason if reason in catalogue() else ""
    return Sensor(
        str(told.get("name", ""))[:100], kind, state, reason, key, figures if isinstance(figures, dict) else {}
    )


def _page(request: Request, context: Context, who: Principal, /, status: int = 200, **values: Any) -> Response:
    with context.sessions() as session:
        rows = list(session.scalars(select(Agent).order_by(Agent.state, Agent.hostname, Agent.id)))
    stations = [station(agent, context.now()) for agent in rows]
    shown: dict[str, Any] = {"stations": stations, "token": "", "uses": 1, "hours": 24}
    return page(request, context, who, "stations", "stations.html", status=status, **shown | values)


@router.get("/stacje")
def stations(request: Request, context: Box, who: Reader) -> Response:
    """List the stations."""
    return _page(request, context, who)


@router.post("/stacje/kod")
def create_token(request: Request, context: Box, who: Manager, uses: int = Form(1), hours: int = Form(24)) -> Response:
    """Make an enrolment code and show the command that uses it."""
    if not (1 <= uses <= MOST_USES and 1 <= hours <= MOST_HOURS):
        fault = catalogue().text("stations.bad_bounds", who.language, uses=MOST_USES, hours=MOST_HOURS)
        return _page(request, context, who, status=422, fault=fault)
    token = agents.create_token(context, who, agents.EnrolBody(uses=uses, hours=hours)).token
    return _page(request, context, who, status=201, token=token, uses=uses, hours=hours)


@router.post("/stacje/{agent_id}/cofnij")
def revoke(context: Box, who: Manager, agent_id: AgentId) -> Response:
    """Take a station's right to send."""
    agents.revoke(context, who, agent_id)
    return back_to("/stacje", "revoked")

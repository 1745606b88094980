"""Stations `/stacje`: who sends, what is missing and why, how to enrol one, how to take its right to send."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import select

from appliance.posture.checks import weights
from appliance.state.models import Agent
from appliance.stations import look, replacing
from appliance.web.api import agents
from appliance.web.api.agents import AgentId
from appliance.web.auth import Principal, require
from appliance.web.context import Box, Context
from appliance.web.export import csv_rows
from appliance.web.pages.render import catalogue
from appliance.web.pages.shell import back_to, page
from appliance.web.pages.silence import reasons
from appliance.web.pages.views import posture
from appliance.web.pages.views.stations import (
    COLUMNS,
    KINDS,
    STATES,
    SYSTEMS,
    WEAK,
    Station,
    csv_line,
    station,
    station_filter,
)
from appliance.web.policy import Permission

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, Depends(require(Permission.AGENTS_READ))]
Manager = Annotated[Principal, Depends(require(Permission.AGENTS_MANAGE))]
MOST_USES = 200
MOST_HOURS = 24 * 30


def every(context: Context) -> list[Station]:
    """Return all stations of the office."""
    now, heavy = context.now(), weights()
    with context.sessions() as session:
        rows = list(session.scalars(select(Agent).order_by(Agent.state, Agent.hostname, Agent.id)))
        figures = look.figures(session, now)
    return [station(agent, now, figures.get(agent.id), heavy) for agent in rows]


def _page(request: Request, context: Context, who: Principal, /, status: int = 200, **values: Any) -> Response:
    wanted = station_filter(request.query_params)
    known = every(context)
    listed = [one for one in known if wanted.takes(one)]
    checks = sorted({name for one in known for name in one.figures.results})
    shown: dict[str, Any] = {
        "stations": listed,
        "silent": reasons(context, known, listed),
        "held": sum(one.state == "quarantine" for one in known) + _offered(context),
        "filter": wanted,
        "choices": _choices(checks, who.language),
        "checks": checks,
        "token": "",
        "uses": 1,
        "hours": 24,
    }
    return page(request, context, who, "stations", "stations.html", status=status, **shown | values)


def _offered(context: Context) -> int:
    with context.sessions() as session:
        return len(replacing.offers(session))


def _choices(checks: Sequence[str], lang: str) -> dict[str, list[tuple[str, str]]]:
    """Return what each filter offers, in words."""
    words = {"states": STATES, "systems": SYSTEMS, "kinds": KINDS, "weak": WEAK}
    prefix = {"states": "state", "systems": "system", "kinds": "kind", "weak": "weak"}
    every = ("", catalogue().text("stations.any", lang))
    offered = {
        name: [every, *((value, catalogue().text(f"stations.{prefix[name]}.{value}", lang)) for value in values)]
        for name, values in words.items()
    }
    return offered | {"checks": [every, *((name, posture.title(name, lang)) for name in checks)]}


@router.get("/stacje")
def stations(request: Request, context: Box, who: Reader) -> Response:
    """List the stations that the address asks for."""
    return _page(request, context, who)


@router.get("/stacje.csv")
def export(request: Request, context: Box, who: Reader) -> Response:
    """Return the same list as a CSV."""
    wanted = station_filter(request.query_params)
    lines = [csv_line(one) for one in every(context) if wanted.takes(one)]
    name = {"Content-Disposition": 'attachment; filename="czujka-stacje.csv"'}
    return StreamingResponse(csv_rows(lines, COLUMNS), media_type="text/csv; charset=utf-8", headers=name)


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

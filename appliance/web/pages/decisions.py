"""Stations that wait for a decision, `/stacje/decyzje`: two machines send under one certificate."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response

from appliance.state.database import writing
from appliance.stations import quarantine
from appliance.web.api import agents
from appliance.web.api.agents import AgentId
from appliance.web.auth import Principal, require
from appliance.web.context import Box
from appliance.web.pages.shell import back_to, page
from appliance.web.policy import Permission
from appliance.web.problem import Problem

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, Depends(require(Permission.AGENTS_READ))]
Manager = Annotated[Principal, Depends(require(Permission.AGENTS_MANAGE))]
PAGE = "/stacje/decyzje"


@router.get(PAGE)
def decisions(request: Request, context: Box, who: Reader) -> Response:
    """List the stations that wait."""
    with context.sessions() as session:
        held = quarantine.held(session)
    return page(request, context, who, "stations", "decisions.html", held=held)


@router.post(PAGE + "/{agent_id}")
def decide(
    context: Box, who: Manager, agent_id: AgentId, decision: Annotated[str, Form(alias="decyzja", max_length=16)]
) -> Response:
    """Let a station send again, or take its right for good; its machines then enrol anew, each for itself."""
    if decision == "cofnij":
        agents.revoke(context, who, agent_id)
        return back_to(PAGE, "revoked")
    if decision != "zwolnij":
        raise Problem(422, "decision_unknown")
    with writing(context.sessions) as session:
        try:
            quarantine.release(session, who.who, agent_id, context.now())
        except quarantine.NotHeld as error:
            raise Problem(404, "agent_unknown") from error
    return back_to(PAGE, "released")

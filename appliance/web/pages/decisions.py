"""What waits for a decision, `/stacje/decyzje`: stations that are held, and stations that may be one machine."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response

from appliance.stations import quarantine, replacing
from appliance.web.api import agents
from appliance.web.api import decisions as api
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
        held, offers = quarantine.held(session), replacing.offers(session)
    return page(request, context, who, "stations", "decisions.html", held=held, offers=offers)


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
    api.release(context, who, agent_id)
    return back_to(PAGE, "released")


@router.post(PAGE + "/{agent_id}/{new}")
def decide_pair(
    context: Box, who: Manager, agent_id: AgentId, new: AgentId,
    decision: Annotated[str, Form(alias="decyzja", max_length=16)],
) -> Response:  # fmt: skip
    """Retire the old station in favour of the new one, or let both stand."""
    if decision == "zastap":
        api.replace(context, who, agent_id, api.PairBody(new=new))
        return back_to(PAGE, "replaced")
    if decision != "osobno":
        raise Problem(422, "decision_unknown")
    api.keep_both(context, who, agent_id, api.PairBody(new=new))
    return back_to(PAGE, "kept_both")

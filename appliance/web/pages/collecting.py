"""What stations may collect, `/stacje/co-zbieram`: the list, who decided, the switches, the notice for staff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import PlainTextResponse
from sqlalchemy import select

from agent.wire.categories import CATEGORIES
from appliance.state.models import Agent, AgentState
from appliance.stations import collecting
from appliance.stations.collecting import Held
from appliance.stations.notice import notice
from appliance.web.api import collecting as collecting_api
from appliance.web.auth import Principal, require
from appliance.web.context import Box
from appliance.web.pages.shell import back_to, page
from appliance.web.policy import Permission
from appliance.web.problem import Problem

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, Depends(require(Permission.AGENTS_READ))]
Manager = Annotated[Principal, Depends(require(Permission.AGENTS_MANAGE))]
PAGE = "/stacje/co-zbieram"
DECISIONS = {"tak": True, "nie": False, "wspolnie": None}
Wanted = Annotated[str, Query(alias="stacja", max_length=36)]


@dataclass(frozen=True, slots=True)
class Row:
    """One category as the page shows it."""

    key: str
    text: str
    held: Held


@router.get(PAGE)
def collected(request: Request, context: Box, who: Reader, wanted: Wanted = "") -> Response:
    """Show what is collected, of one station or of all."""
    with context.sessions() as session:
        stations = list(session.scalars(select(Agent).where(Agent.state == AgentState.ACTIVE).order_by(Agent.hostname)))
        chosen = next((one for one in stations if one.id == wanted), None)
        if wanted and chosen is None:
            raise Problem(404, "agent_unknown")
        held = collecting.holding(session, chosen.id if chosen else None)
        apart = set(collecting.stations_apart(session))
    rows = [Row(key, one.pl if who.language == "pl" else one.en, held[key]) for key, one in CATEGORIES.items()]
    return page(
        request, context, who, "stations", "collecting.html", rows=rows, chosen=chosen, stations=stations, apart=apart
    )


@router.post(PAGE)
def decide(
    context: Box,
    who: Manager,
    category: Annotated[str, Form(alias="kategoria", min_length=1, max_length=32)],
    decision: Annotated[str, Form(alias="zbierac", max_length=16)],
    agent: Annotated[str, Form(alias="stacja", pattern=f"({collecting_api.ONE})?$")] = "",
) -> Response:
    """Decide on a category, for one station or for all."""
    if decision not in DECISIONS or (decision == "wspolnie" and not agent):
        raise Problem(422, "collecting_unknown")
    body = collecting_api.SwitchBody(category=category, collected=DECISIONS[decision], agent_id=agent or None)
    collecting_api.switch(context, who, body)
    return back_to(PAGE + (f"?stacja={agent}" if agent else ""), "collecting")


@router.get(f"{PAGE}/informacja")
def staff_notice(context: Box, who: Reader) -> Response:
    """Give the notice for staff, with what is collected now."""
    with context.sessions() as session:
        text = notice(context.settings.office.name, collecting.holding(session, None))
    name = 'attachment; filename="informacja-dla-pracownikow.txt"'
    return PlainTextResponse(text, headers={"Content-Disposition": name})

"""Packets of flows: asking for them, what changes while they come, the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import FileResponse, HTMLResponse

from appliance.alerts import service
from appliance.slices import asked
from appliance.slices.look import INSTALL
from appliance.state.database import writing
from appliance.web.api.common import EventId, Number
from appliance.web.auth import Principal, require
from appliance.web.context import Box, Context
from appliance.web.packets import event_for, file_of
from appliance.web.pages.packetview import packets_of
from appliance.web.pages.render import render
from appliance.web.pages.shell import back_to, safe_back, shell
from appliance.web.policy import Permission

router = APIRouter(include_in_schema=False)
Taker = Annotated[Principal, Depends(require(Permission.PACKETS_TAKE))]
EVENTS = 50
"""Events of an alert whose flows are looked for, as many as its page shows."""


@router.post("/zdarzenia/{event_id}/pakiety")
def ask(context: Box, who: Taker, event_id: EventId, back: Annotated[str, Form(max_length=200)] = "") -> Response:
    """Ask for the packets of an event's flow."""
    with writing(context.sessions) as session:
        asked.ask(session, event_for(context, session, event_id), who.who, context.now())
    return back_to(safe_back(back, f"/zdarzenia/{event_id}") + "#pakiety", "slice_asked")


@router.get("/alerty/{alert_id}/pakiety/na-zywo")
def of_alert(request: Request, context: Box, who: Taker, alert_id: Number) -> Response:
    """Return the flows of an alert as they are now."""
    with context.sessions() as session:
        rows, _ = service.events_of(session, service.get_alert(session, alert_id).id, None, EVENTS)
        events = [(row.event_id, row.event or {}) for row in rows]
    return _part(request, context, who, events, f"/alerty/{alert_id}")


@router.get("/zdarzenia/{event_id}/pakiety/na-zywo")
def of_event(request: Request, context: Box, who: Taker, event_id: EventId) -> Response:
    """Return the flow of an event as it is now."""
    with context.sessions() as session:
        event = event_for(context, session, event_id)
    return _part(request, context, who, [(event_id, event)], f"/zdarzenia/{event_id}")


@router.get("/pakiety/{slice_id}/plik")
def download(context: Box, who: Taker, slice_id: Number) -> FileResponse:
    """Return the file of packets; who took it away is written down."""
    return file_of(context, who, slice_id)


def _part(
    request: Request, context: Context, who: Principal, events: Iterable[tuple[str, Mapping[str, Any]]], back: str
) -> Response:
    with context.sessions() as session:
        found = packets_of(context, session, who, events)
    frame = shell(request, context, who, "alerts")
    values = {"shell": frame, "packets": found, "back": back, "install": INSTALL}
    return HTMLResponse(render("_packets.html", who.language, frame.now, values))

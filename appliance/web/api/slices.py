"""Packets of flows: asking a sensor for them, what tshark makes of them, the file."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from appliance.slices import asked
from appliance.slices.look import Summary
from appliance.state.database import writing
from appliance.state.slices import SliceState
from appliance.web.api.common import Answer, Number, api_router
from appliance.web.auth import Principal, needs, require
from appliance.web.context import Box
from appliance.web.packets import MEDIA, event_for, file_of
from appliance.web.policy import Permission

router = api_router("slices")
Taker = Annotated[Principal, Depends(require(Permission.PACKETS_TAKE))]


class SliceBody(BaseModel):
    """The flow of an event."""

    event_id: str = Field(pattern="^[0-9a-f]{32}$")


class SliceAnswer(Answer):
    """The packets of a flow. Times in microseconds.

    `state`: `waiting` for its sensor, `taken` (here, unread), `read`, `none` (the sensor has no such packets),
    `failed`; `reason` says why it failed, or why there is no `summary`. `whole` is false when only the first packets
    fit.
    `removed_at`: the file went, its time was over.
    """

    id: int
    uid: str
    agent_id: str
    event_id: str
    asked_by: str
    asked_at: int
    state: SliceState
    reason: str
    whole: bool
    size: int
    sha256: str
    taken_at: int | None
    removed_at: int | None
    summary: Summary | None


@router.post("/slices")
def ask(context: Box, who: Taker, wanted: SliceBody) -> SliceAnswer:
    """Ask for the packets of an event's flow; what was asked for already is returned as it is."""
    with writing(context.sessions) as session:
        event = event_for(context, session, wanted.event_id)
        return SliceAnswer.model_validate(asked.ask(session, event, who.who, context.now()))


@router.get("/slices/{slice_id}", dependencies=needs(Permission.PACKETS_TAKE))
def get_slice(context: Box, slice_id: Number) -> SliceAnswer:
    """Return what became of a request."""
    with context.sessions() as session:
        return SliceAnswer.model_validate(asked.get(session, slice_id))


@router.get(
    "/slices/{slice_id}/pcap",
    response_class=FileResponse,
    responses={200: {"content": {MEDIA: {}}, "description": "The packets, pcapng."}},
)
def get_pcap(context: Box, who: Taker, slice_id: Number) -> FileResponse:
    """Return the file of packets; who took it away is written to the audit log."""
    return file_of(context, who, slice_id)

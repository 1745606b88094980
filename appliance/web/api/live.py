"""The live stream of alerts, and the API's own description."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Header, Request
from fastapi.responses import StreamingResponse

from appliance.web.api.common import LARGEST, api_router
from appliance.web.auth import needs
from appliance.web.policy import Permission
from appliance.web.stream import Broadcaster

router = api_router("live")


@router.get(
    "/stream",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    dependencies=needs(Permission.ALERTS_READ),
)
async def stream(
    request: Request, last_event_id: Annotated[str | None, Header(max_length=20)] = None
) -> StreamingResponse:
    """Return alerts as they come: `event: alert`, data {"alert_id","kind","level","title","host"}.

    `event: hunt` says that the list of hunts has changed.
    """
    broadcaster: Broadcaster = request.app.state.broadcaster
    queue = broadcaster.subscribe()
    last = int(last_event_id) if last_event_id and last_event_id.isascii() and last_event_id.isdigit() else None
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    lines = broadcaster.listen(queue, None if last is None else min(last, LARGEST))
    return StreamingResponse(lines, media_type="text/event-stream", headers=headers)


@router.get("/openapi.json", dependencies=needs(Permission.SCHEMA_READ))
def openapi(
    request: Request,
) -> dict[str, Any]:
    """Return the description of this API (OpenAPI 3.1)."""
    schema: dict[str, Any] = request.app.openapi()
    return schema

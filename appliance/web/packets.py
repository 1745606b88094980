"""What pages and API share about packets: the event whose flow is meant, and the file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi.responses import FileResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.ops.operations import record
from appliance.slices import asked, kept
from appliance.state.database import writing
from appliance.state.models import AlertEvent
from appliance.web.auth import Principal
from appliance.web.context import Context
from appliance.web.problem import Problem

MEDIA = "application/x-pcapng"


def event_for(context: Context, session: Session, event_id: str) -> Mapping[str, Any]:
    """Return an event that the store or an alert has. Raises Problem 404."""
    event = _of_alert(session, event_id) or context.store.get(event_id)
    if event is None:
        raise Problem(404, "event_unknown")
    return event


def file_of(context: Context, who: Principal, number: int) -> FileResponse:
    """Return a request's file, and write down who took it. Raises UnknownSlice, Problem 404."""
    with writing(context.sessions) as session:
        row = asked.get(session, number)
        path = kept.path_of(context.home.packets, number)
        if not asked.is_there(row) or not path.exists():
            raise Problem(404, "slice_absent")
        record(session, who.who, "slice.downloaded", number, context.now(), uid=row.uid, sha256=row.sha256)
    return FileResponse(path, media_type=MEDIA, filename=f"czujka-pakiety-{row.uid}.pcapng")


def _of_alert(session: Session, event_id: str) -> Mapping[str, Any] | None:
    """Return an event as an alert has kept it, for one that the store does not show yet, or no more."""
    query = select(AlertEvent.event).where(AlertEvent.event_id == event_id).limit(1)
    event: Mapping[str, Any] | None = session.scalar(query)
    return event or None

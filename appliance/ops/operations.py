"""The operators' audit log: every change that a person or a token makes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.alerts.paging import page
from appliance.state.models import Operation


def record(session: Session, who: str, action: str, target: object, now: int, **detail: Any) -> None:
    """Write one entry, in the transaction of the change itself."""
    session.add(Operation(at=now, who=who[:120], action=action, target=str(target)[:255], detail=detail))


def operations(
    session: Session, after: str | None, limit: int, who: str | None = None
) -> tuple[list[Operation], str | None]:
    """Return a page of the log, newest first, and the next cursor. Raises BadCursor."""
    query = select(Operation)
    if who is not None:
        query = query.where(Operation.who == who)
    return page(session, query, [Operation.id], after, limit)

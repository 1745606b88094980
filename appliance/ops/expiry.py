"""What ends by itself, and is written down when it does."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.ops.operations import record
from appliance.state.exceptions import RuleException
from appliance.state.models import ExceptionState


def note_expired(session: Session, now: int) -> int:
    """Write into the audit log which exceptions have ended since the last time; return how many."""
    ended = select(RuleException).where(RuleException.state == ExceptionState.APPROVED, RuleException.expires_at <= now)
    rows = session.scalars(ended).all()
    for row in rows:
        row.state = ExceptionState.EXPIRED
        record(session, "czujka", "exception.expired", row.id, now, **row.about)
    return len(rows)

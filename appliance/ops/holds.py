"""Legal hold: events that must stay, who said so, why, until when. Changes are in the audit log, so in the chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from appliance.ops.operations import record
from appliance.state.holds import StoreHold
from appliance.state.models import Alert
from appliance.store import Hold

REASON, HOST, MOST = 500, 255, 200
"""Characters of a reason and of a host's name; holds in force at once."""
SHOWN = 500


class HoldFault(ValueError):
    """A hold that cannot be: `code` says why, by the name of its text."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants held: a time in microseconds, of one host or all; or what an alert rests on."""

    reason: str
    start: int | None = None
    end: int | None = None
    host: str = ""
    alert_id: int | None = None
    until: int | None = None


def add(session: Session, wish: Wish, who: str, now: int) -> StoreHold:
    """Set a hold. Raises HoldFault."""
    start, end, host = _range(session, wish)
    if not wish.reason.strip():
        raise HoldFault("hold_reason")
    if wish.until is not None and wish.until <= now:
        raise HoldFault("hold_until")
    if len(in_force(session, now)) >= MOST:
        raise HoldFault("hold_too_many")
    row = StoreHold(start=start, end=end, host=host[:HOST], alert_id=wish.alert_id, reason=wish.reason.strip()[:REASON])
    row.who, row.created_at, row.until = who[:120], now, wish.until
    session.add(row)
    session.flush()
    told = {"since": start, "until": end, "host": row.host, "alert": wish.alert_id, "reason": row.reason}
    record(session, who, "hold.set", row.id, now, **told, ends=wish.until)
    return row


def _range(session: Session, wish: Wish) -> tuple[int, int, str]:
    if wish.alert_id is not None:
        alert = session.get(Alert, wish.alert_id)
        if alert is None:
            raise HoldFault("hold_no_alert")
        start = alert.first_event_at if wish.start is None else wish.start
        end = alert.last_event_at + 1 if wish.end is None else wish.end
        # Events of a correlation may come from several hosts; then all of the time stays.
        return _checked(start, end), end, wish.host or (alert.host if alert.agent_id else "")
    if wish.start is None or wish.end is None:
        raise HoldFault("hold_range")
    return _checked(wish.start, wish.end), wish.end, wish.host.strip()


def _checked(start: int, end: int) -> int:
    if start >= end:
        raise HoldFault("hold_range")
    return start


def lift(session: Session, number: int, who: str, now: int) -> StoreHold:
    """Lift a hold. Raises HoldFault when there is none in force by that number."""
    row = session.get(StoreHold, number)
    if row is None or not acts(row, now):
        raise HoldFault("hold_not_in_force")
    row.lifted_at, row.lifted_by = now, who[:120]
    record(session, who, "hold.lifted", row.id, now, reason=row.reason)
    return row


def acts(row: StoreHold, now: int) -> bool:
    """Return whether a hold is in force."""
    return row.lifted_at is None and (row.until is None or row.until > now)


def in_force(session: Session, now: int) -> Sequence[StoreHold]:
    """Return the holds in force, oldest first."""
    query = select(StoreHold).where(
        StoreHold.lifted_at.is_(None), or_(StoreHold.until.is_(None), StoreHold.until > now)
    )
    return session.scalars(query.order_by(StoreHold.id)).all()


def newest(session: Session, most: int = SHOWN) -> Sequence[StoreHold]:
    """Return holds, newest first, also those that are over."""
    return session.scalars(select(StoreHold).order_by(StoreHold.id.desc()).limit(most)).all()


def for_store(session: Session, now: int) -> list[Hold]:
    """Return the holds in force as the store takes them."""
    return [Hold(row.start, row.end, row.host) for row in in_force(session, now)]


def note_ended(session: Session, now: int) -> int:
    """Write down which holds have ended by themselves since the last time; return how many."""
    query = select(StoreHold).where(StoreHold.lifted_at.is_(None), StoreHold.until <= now)
    rows = session.scalars(query).all()
    for row in rows:
        row.lifted_at, row.lifted_by = row.until, "czujka"
        record(session, "czujka", "hold.ended", row.id, now, reason=row.reason)
    return len(rows)


__all__ = ["HoldFault", "Wish", "acts", "add", "for_store", "in_force", "lift", "newest", "note_ended"]

"""Asking for a flow's packets, and what becomes of a request. All in the session of the caller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from agent.wire.commands import is_uid
from agent.wire.limits import MAX_COMMANDS
from appliance.clock import DAY, MINUTE
from appliance.ops.operations import record
from appliance.slices.kept import Draft
from appliance.slices.look import Summary
from appliance.state.models import Feed
from appliance.state.slices import PacketSlice, SliceState

UID, AGENT = "zeek.uid", "agent.id"
PATIENCE = 10 * MINUTE
"""Microseconds in which a sensor must have answered."""
MOST_WAITING = 100
UNREAD_YET = frozenset({"no_tshark", "no_sandbox", "open_files"})
"""Why there is no summary, but may be one when it is tried again."""
_OVER = (SliceState.NONE, SliceState.FAILED)


class NoFlow(ValueError):
    """The event tells of no flow of a sensor."""


class SlicesFull(RuntimeError):
    """MOST_WAITING requests wait already."""


class UnknownSlice(LookupError):
    """There is no slice of this number."""


def flow_of(event: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the uid and the sensor of the flow that an event tells of, None when it tells of none."""
    uid, agent = event.get(UID), event.get(AGENT)
    if not isinstance(uid, str) or not is_uid(uid) or not isinstance(agent, str) or not 0 < len(agent) <= 36:
        return None
    return uid, agent


def ask(session: Session, event: Mapping[str, Any], who: str, now: int) -> PacketSlice:
    """Ask for the packets of an event's flow; what waits or is there already is returned, to be read if it was not.

    Raises NoFlow, SlicesFull.
    """
    flow = flow_of(event)
    if flow is None:
        raise NoFlow
    known = latest(session, *flow)
    if known is not None and known.state not in _OVER and known.removed_at is None:
        if known.reason in UNREAD_YET:
            _move(session, known, SliceState.TAKEN, now)
        return known
    if len(session.scalars(_in_state(SliceState.WAITING).limit(MOST_WAITING)).all()) >= MOST_WAITING:
        raise SlicesFull
    made = PacketSlice(uid=flow[0], agent_id=flow[1], event_id=str(event["event.id"]), asked_by=who, asked_at=now)
    session.add(made)
    session.flush()
    record(session, who, "slice.asked", made.id, now, uid=made.uid, agent=made.agent_id, event=made.event_id)
    return made


def latest(session: Session, uid: str, agent: str) -> PacketSlice | None:
    """Return the newest request for a flow, None when there was none."""
    query = select(PacketSlice).where(PacketSlice.uid == uid, PacketSlice.agent_id == agent)
    return session.scalar(query.order_by(PacketSlice.id.desc()).limit(1))


def get(session: Session, number: int) -> PacketSlice:
    """Return a request. Raises UnknownSlice."""
    found = session.get(PacketSlice, number)
    if found is None:
        raise UnknownSlice(number)
    return found


def is_there(row: PacketSlice) -> bool:
    """Tell whether a request's packets are on the box."""
    return row.taken_at is not None and row.removed_at is None


def waiting_for(session: Session, agent: str) -> list[PacketSlice]:
    """Return what a sensor is to be asked for, the oldest first."""
    return list(session.scalars(_in_state(SliceState.WAITING).where(PacketSlice.agent_id == agent).limit(MAX_COMMANDS)))


def in_state(session: Session, state: SliceState, most: int) -> list[PacketSlice]:
    """Return requests of a state, the oldest first."""
    return list(session.scalars(_in_state(state).limit(most)))


def taken(session: Session, row: PacketSlice, draft: Draft, *, whole: bool, now: int) -> None:
    """Make packets those of a request. Raises OSError."""
    draft.settle(row.id)
    row.sha256, row.size, row.whole, row.taken_at = draft.sha256, draft.size, whole, now
    detail = {"uid": row.uid, "bytes": draft.size, "sha256": draft.sha256, "whole": whole}
    record(session, f"agent:{row.agent_id}", "slice.taken", row.id, now, **detail)
    _move(session, row, SliceState.TAKEN, now)


def ended(session: Session, row: PacketSlice, state: SliceState, reason: str, now: int) -> None:
    """Note that there are no packets (NONE), or why they did not come (FAILED)."""
    record(session, f"agent:{row.agent_id}", f"slice.{state.value}", row.id, now, uid=row.uid, reason=reason)
    _move(session, row, state, now, reason)


def read(session: Session, row: PacketSlice, summary: Summary | None, reason: str, now: int) -> None:
    """Keep what tshark makes of the packets, or why there is nothing."""
    row.summary = None if summary is None else summary.model_dump()
    _move(session, row, SliceState.READ, now, reason)


def give_up(session: Session, now: int) -> None:
    """End requests whose sensor did not answer in time."""
    for row in session.scalars(_in_state(SliceState.WAITING).where(PacketSlice.asked_at < now - PATIENCE)):
        ended(session, row, SliceState.FAILED, "late", now)


def outdated(session: Session, days: int, now: int) -> list[PacketSlice]:
    """Mark the files that have been kept for long enough as removed, and return them."""
    old = PacketSlice.taken_at < now - days * DAY
    rows = list(session.scalars(select(PacketSlice).where(old, PacketSlice.removed_at.is_(None)).limit(1000)))
    for row in rows:
        record(session, "czujka", "slice.removed", row.id, now, uid=row.uid, sha256=row.sha256)
    session.execute(update(PacketSlice).where(PacketSlice.id.in_([row.id for row in rows])).values(removed_at=now))
    return rows


def _in_state(state: SliceState) -> Any:
    return select(PacketSlice).where(PacketSlice.state == state).order_by(PacketSlice.id)


def _move(session: Session, row: PacketSlice, state: SliceState, now: int, reason: str = "") -> None:
    row.state, row.reason = state, reason
    session.add(Feed(at=now, kind="slice.updated", alert_id=None))

"""Known weaknesses over all stations, and which of them may stay until a day. In the session of the caller.

An acceptance hides nothing: what it is about stays in the list, marked, and counts again once its day has passed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from appliance.clock import DAY
from appliance.ops.operations import record
from appliance.state.models import Agent, AgentState
from appliance.state.stations import StationMatched, StationWeakness, WeaknessAcceptance

REASON = 500
LONGEST = 366 * DAY
MOST = 500
"""Acceptances in force at once."""
_HERE = select(Agent.id).where(Agent.state.in_((AgentState.ACTIVE, AgentState.QUARANTINE)))
"""The stations that are there: one that was revoked or replaced has its list, but it is nobody's matter any more."""


class AcceptanceFault(ValueError):
    """An acceptance that cannot be: `code` says why, by the name of its text."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody accepts: a weakness, on one station or ("") on all, why, and until when (µs)."""

    name: str
    reason: str
    until: int
    agent_id: str = ""


def accept(session: Session, wish: Wish, who: str, now: int) -> WeaknessAcceptance:
    """Accept a weakness. Raises AcceptanceFault."""
    if not wish.reason.strip():
        raise AcceptanceFault("accept_reason")
    if not now < wish.until <= now + LONGEST:
        raise AcceptanceFault("accept_until")
    there = select(func.count()).where(StationWeakness.name == wish.name, _now())
    if wish.agent_id:
        there = there.where(StationWeakness.agent_id == wish.agent_id)
    if not session.scalar(there):
        raise AcceptanceFault("accept_unknown")
    if len(in_force(session, now)) >= MOST:
        raise AcceptanceFault("accept_too_many")
    row = WeaknessAcceptance(name=wish.name, agent_id=wish.agent_id, reason=wish.reason.strip()[:REASON])
    row.who, row.created_at, row.until = who[:120], now, wish.until
    session.add(row)
    session.flush()
    record(session, who, "weakness.accepted", row.name, now, agent=row.agent_id, reason=row.reason, until=row.until)
    return row


def withdraw(session: Session, number: int, who: str, now: int) -> WeaknessAcceptance:
    """Take an acceptance back. Raises AcceptanceFault when there is none in force by that number."""
    row = session.get(WeaknessAcceptance, number)
    if row is None or not acts(row, now):
        raise AcceptanceFault("accept_not_in_force")
    row.withdrawn_at, row.withdrawn_by = now, who[:120]
    record(session, who, "weakness.acceptance_withdrawn", row.name, now, agent=row.agent_id)
    return row


def acts(row: WeaknessAcceptance, now: int) -> bool:
    """Return whether an acceptance is in force."""
    return row.withdrawn_at is None and row.until > now


def in_force(session: Session, now: int) -> Sequence[WeaknessAcceptance]:
    """Return the acceptances in force, newest first."""
    row = WeaknessAcceptance
    query = select(row).where(row.withdrawn_at.is_(None), row.until > now)
    return session.scalars(query.order_by(row.id.desc())).all()


def in_force_at(session: Session, moment: int) -> Sequence[WeaknessAcceptance]:
    """Return the acceptances that were in force at a moment in the past, those that end first before the others."""
    row = WeaknessAcceptance
    kept = or_(row.withdrawn_at.is_(None), row.withdrawn_at > moment)
    query = select(row).where(row.created_at <= moment, row.until > moment, kept)
    return session.scalars(query.order_by(row.until, row.name, row.id)).all()


def newest(session: Session, most: int = 200) -> Sequence[WeaknessAcceptance]:
    """Return acceptances, newest first, also those that are over."""
    return session.scalars(select(WeaknessAcceptance).order_by(WeaknessAcceptance.id.desc()).limit(most)).all()


@dataclass(slots=True)
class Known:
    """One weakness over all stations that have it; times in microseconds."""

    name: str
    title: str = ""
    severity: str = ""
    exploited: bool = False
    fixable: bool = False
    since: int = 0
    stations: dict[str, str] = field(default_factory=dict)
    """Agent → host name."""
    products: dict[str, str] = field(default_factory=dict)
    """Product → the first version without it, or empty."""
    accepted: WeaknessAcceptance | None = None
    """What accepts it on all of these stations."""


def known(session: Session, now: int) -> list[Known]:
    """Return what stations have: used in attacks first, what can be mended before what cannot, many stations first."""
    return _known(session, _now(), in_force(session, now))


def compared(session: Session) -> int:
    """Return how many stations could be compared with what is known."""
    row = StationMatched
    return session.scalar(select(func.count()).select_from(row).where(row.judged, row.agent_id.in_(_HERE))) or 0


def known_at(session: Session, moment: int) -> list[Known]:
    """Return what stations had at a moment in the past, in the same order; also those that were revoked since."""
    row = StationWeakness
    there = and_(row.since <= moment, or_(row.gone_at.is_(None), row.gone_at > moment))
    return _known(session, there, in_force_at(session, moment))


def _now() -> ColumnElement[bool]:
    return and_(StationWeakness.gone_at.is_(None), StationWeakness.agent_id.in_(_HERE))


def _known(session: Session, there: ColumnElement[bool], acceptances: Sequence[WeaknessAcceptance]) -> list[Known]:
    names = {row.id: row.hostname for row in session.execute(select(Agent.id, Agent.hostname))}
    found: dict[str, Known] = {}
    for row in session.scalars(select(StationWeakness).where(there)):
        one = found.setdefault(row.name, Known(row.name, row.title, row.severity, since=row.since))
        one.exploited, one.fixable = one.exploited or row.exploited, one.fixable or bool(row.fixed)
        one.since = min(one.since, row.since)
        one.stations[row.agent_id] = names.get(row.agent_id, row.agent_id)
        one.products[row.product] = row.fixed
    _accept(found, acceptances)
    order = sorted(found.values(), key=lambda one: (-len(one.stations), one.name))
    return sorted(order, key=lambda one: (one.accepted is not None, not one.exploited, not one.fixable))


def _accept(found: dict[str, Known], rows: Sequence[WeaknessAcceptance]) -> None:
    by_name: dict[str, list[WeaknessAcceptance]] = defaultdict(list)
    for row in rows:
        by_name[row.name].append(row)
    for name, some in by_name.items():
        one = found.get(name)
        if one is None:
            continue
        whole = [row for row in some if not row.agent_id]
        if whole or set(one.stations) <= {row.agent_id for row in some}:
            one.accepted = whole[0] if whole else min(some, key=lambda row: row.until)

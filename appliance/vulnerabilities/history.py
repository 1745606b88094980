"""What became known of stations' weaknesses between two moments, and what went, in the session of the caller."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from appliance.state.stations import StationWeakness

Counts = Mapping[str, int]
"""How many names by agent."""


def moved(session: Session, start: int, end: int) -> tuple[Counts, Counts]:
    """Return what came and what went from `start` to `end` (µs), for each station of which something was known before.

    Of others, what came would be their whole list, and no change of theirs.
    """
    row = StationWeakness
    agents = session.scalars(select(row.agent_id).where(row.since < start).distinct()).all()
    stays = or_(row.gone_at.is_(None), row.gone_at >= end)
    came = _counts(session, row.since >= start, row.since < end, stays)
    went = _counts(session, row.since < start, row.gone_at >= start, row.gone_at < end)
    return {agent: came.get(agent, 0) for agent in agents}, {agent: went.get(agent, 0) for agent in agents}


def _counts(session: Session, *where: ColumnElement[bool]) -> Counts:
    row = StationWeakness
    names = func.count(func.distinct(row.name))
    found = session.execute(select(row.agent_id, names).where(*where).group_by(row.agent_id))
    return {agent: int(count) for agent, count in found}

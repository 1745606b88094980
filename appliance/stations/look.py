"""Reading what the box knows of its stations, in the session of the caller."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Text, cast, func, or_, select
from sqlalchemy.orm import Session

from agent.wire import inventory
from appliance.alerts.paging import page
from appliance.alerts.service import OPEN
from appliance.clock import DAY
from appliance.state.models import Agent, Alert, Loss
from appliance.state.stations import (
    StationChange,
    StationFinding,
    StationItem,
    StationMatched,
    StationSection,
    StationWeakness,
)


@dataclass(slots=True)
class Figures:
    """What the list shows of one station beside its agent's row."""

    alerts: int = 0
    """Open ones."""
    gaps: int = 0
    """Hours of the last day in which events are known to be lost."""
    lost: int = 0
    """How many events; 0 where only the gap is known."""
    weaknesses: int = 0
    exploited: int = 0
    matched: bool = False
    """Whether its inventory was compared with something that knows its system."""
    results: dict[str, str] = field(default_factory=dict)
    """Check → `pass`, `fail` or `unknown`."""


def score(results: Mapping[str, str], weights: Mapping[str, int]) -> int | None:
    """Return how much of what is checked is in order, in percent by weight; None without checks.

    What is unknown is not in order. A check without a weight counts once.
    """
    whole = sum(weights.get(name, 1) for name in results)
    good = sum(weights.get(name, 1) for name, result in results.items() if result == "pass")
    return good * 100 // whole if whole else None


def figures(session: Session, now: int) -> Mapping[str, Figures]:
    """Return the figures of all stations by agent."""
    found: dict[str, Figures] = defaultdict(Figures)
    open_ones = select(Alert.agent_id, func.count()).where(Alert.state.in_(OPEN)).group_by(Alert.agent_id)
    for agent, count in session.execute(open_ones):
        found[str(agent)].alerts = count
    for name, agent, result in session.execute(
        select(StationFinding.name, StationFinding.agent_id, StationFinding.result)
    ):
        found[agent].results[name] = result
    weak = StationWeakness
    shown = weak.gone_at.is_(None)
    for agent, exploited, count in session.execute(
        select(weak.agent_id, weak.exploited, func.count()).where(shown).group_by(weak.agent_id, weak.exploited)
    ):
        found[agent].weaknesses += count
        found[agent].exploited += count if exploited else 0
    for agent in session.scalars(select(StationMatched.agent_id).where(StationMatched.judged)):
        found[agent].matched = True
    _gaps(session, found, now)
    return found


def _gaps(session: Session, found: dict[str, Figures], now: int) -> None:
    hours = func.count(func.distinct(Loss.hour))
    query = select(Loss.host, hours, func.sum(Loss.count)).where(Loss.hour > now - DAY).group_by(Loss.host)
    by_host = {host: (count, lost) for host, count, lost in session.execute(query)}
    # Losses are told by hosts' names; a station that renamed itself is found by the name it has now.
    for agent, host in session.execute(select(Agent.id, Agent.hostname).where(Agent.hostname.in_(by_host))):
        found[agent].gaps, found[agent].lost = by_host[host]


@dataclass(frozen=True, slots=True)
class SectionLook:
    """One section of a station's inventory: how many items it has, and what the agent last said of it."""

    name: str
    count: int
    told: StationSection | None


def sections(session: Session, agent: str) -> list[SectionLook]:
    """Return the sections that a station has told of, in the order people read them."""
    query = select(StationItem.section, func.count()).where(StationItem.agent_id == agent)
    there = session.execute(query.where(StationItem.gone_at.is_(None)).group_by(StationItem.section))
    counts = {str(name): int(count) for name, count in there}
    told = {row.section: row for row in session.scalars(select(StationSection).where(StationSection.agent_id == agent))}
    return [
        SectionLook(name, counts.get(name, 0), told.get(name))
        for name in inventory.SECTIONS
        if name in counts or name in told
    ]


def items(
    session: Session, agent: str, section: str, *, text: str = "", after: str | None = None, limit: int = 200
) -> tuple[list[StationItem], str | None]:
    """Return items that a station has, by key, and the key to go on after; `text` is part of a key or a value."""
    query = select(StationItem).where(
        StationItem.agent_id == agent, StationItem.section == section, StationItem.gone_at.is_(None)
    )
    if text:
        query = query.where(
            or_(
                StationItem.key.icontains(text, autoescape=True),
                # As the column is written, with escapes.
                cast(StationItem.fields, Text).icontains(json.dumps(text)[1:-1], autoescape=True),
            )
        )
    if after:
        query = query.where(StationItem.key > after)
    found = list(session.scalars(query.order_by(StationItem.key).limit(limit + 1)))
    return found[:limit], found[limit - 1].key if len(found) > limit else None


def findings(session: Session, agent: str) -> Sequence[StationFinding]:
    """Return what a station says of its settings."""
    query = select(StationFinding).where(StationFinding.agent_id == agent)
    return session.scalars(query.order_by(StationFinding.name)).all()


def changes(
    session: Session, agent: str, after: str | None = None, limit: int = 100, section: str = ""
) -> tuple[list[StationChange], str | None]:
    """Return a station's changes, newest first, and the next cursor. Raises BadCursor."""
    query = select(StationChange).where(StationChange.agent_id == agent)
    if section:
        query = query.where(StationChange.section == section)
    return page(session, query, [StationChange.id], after, limit)

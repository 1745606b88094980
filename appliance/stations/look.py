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
from appliance.stations.fresh import BELIEVED, STALE, is_stale


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
    """Check → `pass`, `fail` or `unknown`; what was not confirmed lately is unknown."""


def score(results: Mapping[str, str], weights: Mapping[str, int]) -> int | None:
    """Return how much of what is checked is in order, in percent by weight; None where nothing is known.

    What is unknown is not in order. A check without a weight counts once.
    """
    if all(result == "unknown" for result in results.values()):
        return None
    whole = sum(weights.get(name, 1) for name in results)
    good = sum(weights.get(name, 1) for name, result in results.items() if result == "pass")
    return good * 100 // whole


def figures(session: Session, now: int) -> Mapping[str, Figures]:
    """Return the figures of all stations by agent."""
    found: dict[str, Figures] = defaultdict(Figures)
    open_ones = select(Alert.agent_id, func.count()).where(Alert.state.in_(OPEN)).group_by(Alert.agent_id)
    for agent, count in session.execute(open_ones):
        found[str(agent)].alerts = count
    row = StationFinding
    for name, agent, result, told_at in session.execute(select(row.name, row.agent_id, row.result, row.told_at)):
        found[agent].results[name] = "unknown" if is_stale(told_at, now) else result
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
    problem: str = ""
    """Why the items may not be what the station has now; empty when they are."""


def sections(session: Session, agent: str, now: int) -> list[SectionLook]:
    """Return the sections that a station has told of, in the order people read them."""
    query = select(StationItem.section, func.count()).where(StationItem.agent_id == agent)
    there = session.execute(query.where(StationItem.gone_at.is_(None)).group_by(StationItem.section))
    counts = {str(name): int(count) for name, count in there}
    told = {row.section: row for row in session.scalars(select(StationSection).where(StationSection.agent_id == agent))}
    return [
        SectionLook(name, counts.get(name, 0), told.get(name), problem_of(told.get(name), now))
        for name in inventory.SECTIONS
        if name in counts or name in told
    ]


def problem_of(section: StationSection | None, now: int) -> str:
    """Return why a section is not known to be as the box has it: its agent could not look, or was not heard lately."""
    if section is None:
        return ""
    return STALE if is_stale(section.told_at, now) else section.problem


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


@dataclass(frozen=True, slots=True)
class FindingLook:
    """A verdict as it stands now: what was not confirmed lately is unknown. Times in microseconds."""

    name: str
    result: str
    reason: str
    value: str
    since: int
    seen_at: int
    told: str
    """The result that the station said last."""


def findings(session: Session, agent: str, now: int) -> Sequence[FindingLook]:
    """Return what is known of a station's settings."""
    query = select(StationFinding).where(StationFinding.agent_id == agent)
    return [_standing(row, now) for row in session.scalars(query.order_by(StationFinding.name))]


def _standing(row: StationFinding, now: int) -> FindingLook:
    if is_stale(row.told_at, now):
        since = row.told_at + BELIEVED
        return FindingLook(row.name, "unknown", STALE, row.value, since, row.seen_at, row.result)
    return FindingLook(row.name, row.result, row.reason, row.value, row.since, row.seen_at, row.result)


def changes(
    session: Session, agent: str, after: str | None = None, limit: int = 100, section: str = ""
) -> tuple[list[StationChange], str | None]:
    """Return a station's changes, newest first, and the next cursor. Raises BadCursor."""
    query = select(StationChange).where(StationChange.agent_id == agent)
    if section:
        query = query.where(StationChange.section == section)
    return page(session, query, [StationChange.id], after, limit)

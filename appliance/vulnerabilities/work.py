"""Comparing each station's inventory with feeds and tables, when either has changed."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from appliance.language.dates import local
from appliance.state.database import writing
from appliance.state.models import Agent, AgentState
from appliance.state.stations import StationItem, StationMatched, StationSection, StationWeakness
from appliance.stations.look import problem_of
from appliance.vulnerabilities.feeds import Feeds, NoFeeds, Shelf
from appliance.vulnerabilities.matching import Weakness, every
from appliance.vulnerabilities.osv import Affected
from appliance.vulnerabilities.standing import standing
from appliance.vulnerabilities.tables import shipped

SECTIONS = ("system", "package", "software", "update")
MOST = 5000
"""Weaknesses that are kept of one station."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Matcher:
    """Compares stations one by one, each in its own transaction."""

    shelf: Shelf
    sessions: sessionmaker[Session]

    def round(self, now: int) -> int:
        """Compare the stations whose inventory, feeds or tables have changed; return how many."""
        try:
            with self.shelf.opened() as feeds:
                return self._round(feeds, str(self.shelf.current()), now)
        except NoFeeds:
            return self._round(None, "", now)

    def _round(self, feeds: Feeds | None, name: str, now: int) -> int:
        with self.sessions() as session:
            due = _due(session, f"{name}\0{shipped().digest}\0{local(now).date()}", now)
        known = feeds.exploited() if feeds else frozenset()
        for agent, fingerprint in due.items():
            with self.sessions() as session:
                sections, problems = _sections(session, agent), _problems(session, agent, now)
            stands = standing(sections, problems, feeds.knows if feeds else _unknown, shipped())
            found = every(sections, feeds.affecting if feeds else _nothing, shipped(), local(now).date())
            with writing(self.sessions) as session:
                _write(session, agent, found, known, now)
                row = StationMatched(agent_id=agent, fingerprint=fingerprint, at=now, judged=not stands.reason)
                row.reason, row.detail = stands.reason, stands.detail
                row.left_out = max(0, len(found) - MOST)
                session.merge(row)
        return len(due)


def _nothing(_ecosystem: str, _package: str) -> list[Affected]:
    return []


def _unknown(_ecosystem: str) -> bool:
    return False


def _due(session: Session, basis: str, now: int) -> dict[str, str]:
    """Return the stations to compare, with the fingerprint of what they are compared by."""
    active = select(Agent.id).where(Agent.state == AgentState.ACTIVE)
    rows = session.scalars(
        select(StationSection)
        .where(StationSection.section.in_(SECTIONS), StationSection.agent_id.in_(active))
        .order_by(StationSection.agent_id, StationSection.section)
    )
    told: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        told[row.agent_id].append(f"{row.section} {row.revision} {row.agrees} {problem_of(row, now)}")
    done = {row.agent_id: row.fingerprint for row in session.scalars(select(StationMatched))}
    prints = {agent: hashlib.sha256("\0".join([basis, *said]).encode()).hexdigest() for agent, said in told.items()}
    return {agent: fingerprint for agent, fingerprint in prints.items() if done.get(agent) != fingerprint}


def _sections(session: Session, agent: str) -> Mapping[str, list[Mapping[str, Any]]]:
    query = select(StationItem.section, StationItem.fields).where(
        StationItem.agent_id == agent, StationItem.section.in_(SECTIONS), StationItem.gone_at.is_(None)
    )
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for section, fields in session.execute(query):
        found[section].append(fields)
    return found


def _problems(session: Session, agent: str, now: int) -> Mapping[str, str]:
    query = select(StationSection).where(StationSection.agent_id == agent, StationSection.section.in_(SECTIONS))
    return {row.section: problem_of(row, now) for row in session.scalars(query)}


def _write(session: Session, agent: str, found: list[Weakness], known: frozenset[str], now: int) -> None:
    # Of too many, those used in attacks stay, then those that can be mended.
    kept = sorted(found, key=lambda one: (one.name not in known, not one.fixed, one.name, one.product))[:MOST]
    rows = {
        (row.name, row.product): row
        for row in session.scalars(select(StationWeakness).where(StationWeakness.agent_id == agent))
    }
    for one in kept:
        row = rows.pop((one.name, one.product), None)
        if row is None:
            row = StationWeakness(agent_id=agent, name=one.name, product=one.product, since=now)
            session.add(row)
        elif row.gone_at is not None:
            row.since = now
        row.source, row.version, row.fixed, row.title = one.source, one.version, one.fixed, one.title
        row.severity, row.exploited, row.gone_at = one.severity, one.name in known, None
    for row in rows.values():
        row.gone_at = row.gone_at or now

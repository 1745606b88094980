"""One station `/stacje/<id>`: what happened to it, how it is set up, what it has, what it sends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from agent.wire.inventory import SECTIONS
from appliance.alerts.service import OPEN
from appliance.clock import DAY
from appliance.language.dates import local
from appliance.ops.losses import losses
from appliance.posture.checks import weights
from appliance.state.models import Agent, Alert
from appliance.state.stations import StationMatched, StationWeakness
from appliance.stations import look
from appliance.store import Missing, QueryTimeout, StoreUnavailable
from appliance.web.auth import Principal, require
from appliance.web.context import Box, Context
from appliance.web.pages.cardview import own_title
from appliance.web.pages.shell import page
from appliance.web.pages.silence import reasons
from appliance.web.pages.stations import every
from appliance.web.pages.views import posture
from appliance.web.pages.views import station as views
from appliance.web.pages.views.alerts import AlertRow, alert_row
from appliance.web.pages.views.events import term
from appliance.web.pages.views.stations import station
from appliance.web.policy import Permission
from appliance.web.problem import Problem

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, Depends(require(Permission.AGENTS_READ))]
ALERTS, WEAK, CHANGES, OWN, SOURCES, LOST = 20, 50, 200, 20, 12, 20
"""How much of each the page shows, or puts into the timeline."""
PAGE = 200


@dataclass(frozen=True, slots=True)
class Sent:
    """What the store has of a station: its starts and stops, and today's events by source."""

    own: Sequence[views.Entry] = ()
    sources: Sequence[tuple[str, int]] = ()
    missing: Missing | None = None
    """What of today is damaged."""
    resting: bool = False
    """The store did not answer."""


@router.get("/stacje/{agent_id:uuid}")
def show(request: Request, context: Box, who: Reader, agent_id: UUID) -> Response:
    """Show one station."""
    now, lang = context.now(), who.language
    with context.sessions() as session:
        agent = _agent(session, agent_id)
        known = look.figures(session, now).get(agent.id)
        one = station(agent, now, known, weights())
        alerts = _alerts(session, agent, lang)
        weak = _weak(session, agent.id)
        lost = losses(session, now - 14 * DAY, now, LOST, agent.hostname)
        changed, _ = look.changes(session, agent.id, None, CHANGES)
        values: dict[str, Any] = {
            "one": one,
            "sections": look.sections(session, agent.id, now),
            "settings": posture.settings(look.findings(session, agent.id, now), one.system, lang),
            "weak": [row for row in weak if row.gone_at is None][:WEAK],
            "matched": session.get(StationMatched, agent.id),
            "replaced": list(session.scalars(select(Agent).where(Agent.replaced_by == agent.id).limit(OWN))),
        }
    values["silence"] = reasons(context, every(context), [one])
    sent = _sent(context, agent.id, now)
    parts = [views.of_alerts(alerts), views.of_losses(lost), sent.own, views.of_changes(changed, lang)]
    values |= {
        "sent": sent,
        "breaks": [row for row in lost if row.cause.startswith("chain_")],
        "alerts": [alert for alert in alerts if alert.state in OPEN],
        "timeline": views.timeline([*parts, views.of_weaknesses(weak)]),
    }
    return page(request, context, who, "stations", "station.html", **values)


@router.get("/stacje/{agent_id:uuid}/spis")
def inventory(request: Request, context: Box, who: Reader, agent_id: UUID) -> Response:
    """Show one section of a station's inventory."""
    asked = request.query_params
    text, after = asked.get("tekst", "").strip()[:200], asked.get("po", "")[:300]
    now, lang = context.now(), who.language
    with context.sessions() as session:
        agent = _agent(session, agent_id)
        told = look.sections(session, agent.id, now)
        first = told[0].name if told else SECTIONS[0]
        section = asked.get("dzial", first) if asked.get("dzial") in SECTIONS else first
        found, following = look.items(session, agent.id, section, text=text, after=after or None, limit=PAGE)
        changed, _ = look.changes(session, agent.id, None, 50, section)
    one = station(agent, now)
    shown = next((part for part in told if part.name == section), None)
    values: dict[str, Any] = {
        "one": one,
        "sections": told,
        "section": section,
        "told": shown.told if shown else None,
        "problem": posture.problem(shown.problem, one.system, lang) if shown and shown.problem else None,
        "text": text,
        "after": after,
        "rows": [views.item_row(row, lang) for row in found],
        "next": following or "",
        "changes": views.of_changes(changed, lang),
    }
    return page(request, context, who, "stations", "station_inventory.html", **values)


def _agent(session: Session, agent_id: UUID) -> Agent:
    agent = session.get(Agent, str(agent_id))
    if agent is None:
        raise Problem(404, "agent_unknown")
    return agent


def _alerts(session: Session, agent: Agent, lang: str) -> list[AlertRow]:
    query = select(Alert).where(Alert.agent_id == agent.id).order_by(Alert.id.desc()).limit(ALERTS)
    return [alert_row(alert, {}, own_title(alert.rule_id, lang)) for alert in session.scalars(query)]


def _weak(session: Session, agent: str) -> list[StationWeakness]:
    """Return what is known, the exploited first, and what was mended lately."""
    row = StationWeakness
    query = select(row).where(row.agent_id == agent)
    return list(session.scalars(query.order_by(row.gone_at.is_not(None), row.exploited.desc(), row.name).limit(500)))


def _sent(context: Context, agent: str, now: int) -> Sent:
    """Ask the store; what it cannot answer now is left out, and said."""
    mine = term("agent.id", agent)
    own = f"{mine} AND event.module:czujka.agent AND event.action:(agent_started OR agent_stopping)"
    day = local(now).replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        events = context.store.search(own, now - 30 * DAY, None, OWN).events
        midnight = int(day.timestamp()) * 1_000_000
        sources = context.store.top(mine, "event.module", SOURCES, midnight, None)
        missing = Missing.of(context.store.damaged(midnight, None))
    except (StoreUnavailable, QueryTimeout):
        return Sent(resting=True)
    return Sent(views.of_own(events), [(str(value), count) for value, count in sources], missing)

"""Health `/zdrowie`: roles, queues, the loss ledger, rejected records, the store, messages."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import func, select

from appliance.alerts.cursor import BadCursor, decode, encode
from appliance.clock import DAY
from appliance.evidence.departure import departed
from appliance.journal import JournalUnavailable
from appliance.ops.health import health, role_states
from appliance.ops.losses import losses
from appliance.slices.look import STANDINGS
from appliance.state.models import Agent, AgentState, Outbox, RoleHealth
from appliance.store import Missing, QueryTimeout, StoreUnavailable
from appliance.web.api.common import Number
from appliance.web.api.records import letter_answer
from appliance.web.auth import Principal, require
from appliance.web.context import Box, Context
from appliance.web.pages.shell import page
from appliance.web.pages.views.cluster import cluster_view
from appliance.web.pages.views.stations import Sensor, sensors_of
from appliance.web.policy import Permission
from appliance.web.problem import Problem

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, Depends(require(Permission.HEALTH_READ))]
LetterReader = Annotated[Principal, Depends(require(Permission.DEAD_LETTERS_READ))]
LOSSES = 200
PAGE = 50
WHOLE = 20_000
"""Bytes of a rejected record on its own page; the file has all."""
_DETAIL = 40
_APART = ("rule", "confinement")
_TROUBLED = 100
_log = structlog.get_logger()


def details(told: object) -> list[tuple[str, int | str]]:
    """Return the counters of a role, bounded, without what the page shows apart."""
    if not isinstance(told, dict):
        return []
    # A mapping counts something by kind; its sum is what a reader can use.
    plain = {name: sum(value.values()) if isinstance(value, dict) else value for name, value in told.items()}
    shown = [(str(name)[:60], value) for name, value in plain.items() if not str(name).startswith(_APART)]
    return [(name, value if isinstance(value, int) else str(value)[:60]) for name, value in shown[:_DETAIL]]


@dataclass(frozen=True, slots=True)
class RulesTold:
    """What the pipeline tells of its rules; `since` in microseconds, `refused` why a change was not taken."""

    on: int
    faults: int
    since: int
    reloaded: int
    failed: int
    stopped: int
    refused: str


def rules_told(detail: Mapping[str, Any]) -> RulesTold | None:
    """Return it from the heartbeat; None before the first one."""

    def count(name: str) -> int:
        found = detail.get(name, 0)
        return found if isinstance(found, int) else 0

    if "rules_loaded_at" not in detail:
        return None
    return RulesTold(
        count("rules"),
        count("rule_faults"),
        count("rules_loaded_at"),
        count("rules_reloaded"),
        count("rules_failed"),
        count("rules_stopped"),
        str(detail.get("rules_refused", "")),
    )


def confinement_told(detail: Mapping[str, Any]) -> str:
    """Return what is missing of the confinement in which tshark reads packets, empty where nothing is."""
    word = detail.get("confinement", "")
    return word if word in STANDINGS.values() else ""


def limited(agents: Iterable[Agent]) -> list[tuple[str, Sensor]]:
    """Return the sensors that do not see everything: the station's name and the sensor, bounded."""
    found = ((agent.hostname, sensor) for agent in agents for sensor in sensors_of(agent))
    return list(
        islice(((host, one) for host, one in found if (one.state == "limited" and one.reason) or one.losses), _TROUBLED)
    )


@router.get("/zdrowie")
def overview(request: Request, context: Box, who: Reader) -> Response:
    """Show how the box fares."""
    now = context.now()
    with context.sessions() as session:
        roles = role_states(session, now)
        told = {role.role: role.detail for role in roles}
        lost = losses(session, now - 30 * DAY, now + DAY, LOSSES)
        troubled = limited(
            session.scalars(select(Agent).where(Agent.state == AgentState.ACTIVE).order_by(Agent.hostname))
        )
        waiting = dict(session.execute(select(Outbox.state, func.count()).group_by(Outbox.state)).all())
        anchors = _asked("evidence", lambda: departed(context.home, session, context.settings))
    return page(
        request,
        context,
        who,
        "health",
        "health.html",
        ok=health(context),
        cluster=cluster_view(context, who.language),
        roles=[(role, details(role.detail)) for role in roles],
        lost=lost,
        troubled=troubled,
        messages=waiting,
        anchors=anchors,
        rules_told=rules_told(told.get("pipeline", {})),
        confinement=confinement_told(told.get("jobs", {})),
        **_depths(context),
    )


def _depths(context: Context) -> dict[str, Any]:
    letters = context.dead_letters
    asked = {
        "depth": context.journal.depth,
        "stats": context.store.stats,
        "waiting": context.store.waiting,
        "usage": context.store.usage,
        "missing": lambda: Missing.of(context.store.damaged()),
        "dead": letters.count,
        "dropped": letters.dropped,
    }
    return {name: _asked(name, ask) for name, ask in asked.items()}


def _asked(name: str, ask: Callable[[], Any]) -> Any:
    """Return what a part of the box says, None where it does not answer: the page shows the others."""
    try:
        return ask()
    except (QueryTimeout, StoreUnavailable, JournalUnavailable, sqlite3.Error):
        _log.exception("part_silent", part=name)
        return None


@router.get("/zdrowie/tempo")
def pace(context: Box, who: Reader) -> JSONResponse:
    """Return how many events the pipeline has taken, for the live line."""
    with context.sessions() as session:
        row = session.get(RoleHealth, "pipeline")
    events = row.detail.get("records", 0) if row else 0
    return JSONResponse({"at": row.beat_at if row else 0, "events": events if isinstance(events, int) else 0})


@router.get("/zdrowie/odrzucone")
def dead_letters(request: Request, context: Box, who: LetterReader, po: str = "") -> Response:
    """List rejected records, newest first."""
    try:
        before = decode(po[:200], 1)[0] if po else None
    except BadCursor:
        before = None
    found = context.dead_letters.newest(before, PAGE + 1)
    letters = [letter_answer(one) for one in found[:PAGE]]
    older = encode(letters[-1].id) if len(found) > PAGE else ""
    total = context.dead_letters.count()
    return page(
        request, context, who, "health", "dead_letters.html", letters=letters, older=older, later=bool(po), total=total
    )


@router.get("/zdrowie/odrzucone/{number}")
def dead_letter(request: Request, context: Box, who: LetterReader, number: Number) -> Response:
    """Show one rejected record."""
    found = context.dead_letters.get(number)
    if found is None:
        raise Problem(404, "dead_letter_unknown")
    return page(request, context, who, "health", "dead_letter.html", letter=letter_answer(found, WHOLE), whole=WHOLE)

"""How the box fares: its roles' heartbeats, and one picture of everything for `status` and the health page."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import func, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session, sessionmaker

from appliance.clock import DAY, SECOND
from appliance.ops.losses import total
from appliance.state.database import writing
from appliance.state.models import Agent, AgentState, Alert, AlertState, Outbox, RoleHealth
from appliance.store.missing import Missing
from appliance.store.model import QueryTimeout, StoreUnavailable

if TYPE_CHECKING:
    from appliance.store import Store
    from appliance.web.context import Context

ROLES = ("gateway", "pipeline", "web", "jobs")
ALIVE = 10 * SECOND
"""A role that was silent for longer is not alive."""
AGENT_ALIVE = 5 * 60 * SECOND
_log = structlog.get_logger()
_STARTED: dict[str, int] = {}


@dataclass(frozen=True, slots=True)
class RoleState:
    """A role and whether it lives; times in microseconds, None when it was never heard."""

    role: str
    alive: bool
    pid: int | None
    started_at: int | None
    beat_at: int | None
    detail: Mapping[str, Any]


def beat(sessions: sessionmaker[Session], role: str, detail: Mapping[str, Any], now: int) -> None:
    """Say that this process lives as a role, with its counters."""
    started = _STARTED.setdefault(role, now)
    with writing(sessions) as session:
        session.merge(RoleHealth(role=role, pid=os.getpid(), started_at=started, beat_at=now, detail=dict(detail)))


def role_states(session: Session, now: int) -> list[RoleState]:
    """Return every role of the box, heard or not."""
    rows = {row.role: row for row in session.scalars(select(RoleHealth))}
    return [_state(role, rows.get(role), now) for role in ROLES]


def _state(role: str, row: RoleHealth | None, now: int) -> RoleState:
    if row is None:
        return RoleState(role, False, None, None, None, {})
    # A beat from the future means that the clock went back; the process lives all the same.
    return RoleState(role, now - row.beat_at <= ALIVE, row.pid, row.started_at, row.beat_at, row.detail)


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the box works, and what does not: names of roles, `store`, `journal`, `state`."""

    ok: bool
    faults: tuple[str, ...]
    roles: tuple[RoleState, ...]


def health(context: Context) -> Health:
    """Return whether all roles live and state, store and journal answer; a cluster that is away is told by `status`."""
    roles: tuple[RoleState, ...] = ()
    faults: list[str] = []
    try:
        with context.sessions() as session:
            session.execute(text("SELECT 1"))
            roles = tuple(role_states(session, context.now()))
    except Exception:  # noqa: BLE001 - whatever it is, the answer is that the state does not answer
        _log.exception("state_unreachable")
        faults.append("state")
    faults.extend(role.role for role in roles if not role.alive)
    faults.extend(
        name
        for name, part in (("store", lambda: _store_works(context.store)), ("journal", context.journal.depth))
        if not _answers(name, part)
    )
    return Health(not faults, tuple(faults), roles)


def _store_works(store: Store) -> None:
    """Ask a store that is here. One that is elsewhere may be away: the box works on as long as events may wait here."""
    waiting = store.waiting()
    if waiting is None:
        store.stats()
    elif waiting.bytes >= waiting.max_bytes:
        raise StoreUnavailable(waiting.reason)


def _answers(name: str, ask: Callable[[], object]) -> bool:
    try:
        ask()
    except Exception:  # noqa: BLE001 - as above
        _log.exception("part_unreachable", part=name)
        return False
    return True


def snapshot(context: Context) -> dict[str, Any]:
    """Return everything that `status` tells: roles, agents, alerts, losses, dead letters, journal, store, messages."""
    now = context.now()
    with context.sessions() as session:
        answer: dict[str, Any] = {
            "at": now,
            "roles": [_role(role, now) for role in role_states(session, now)],
            "agents": [_agent(agent, now) for agent in session.scalars(select(Agent).order_by(Agent.hostname))],
            "alerts": _by(session, Alert.state, set(AlertState)),
            "losses": {"day": total(session, now - DAY, now + DAY), "month": total(session, now - 30 * DAY, now + DAY)},
            "messages": _by(session, Outbox.state, {"waiting", "delivered", "failed"}),
        }
    depth = context.journal.depth()
    oldest = depth.oldest_received_at
    answer["journal"] = {
        "batches": depth.batches,
        "bytes": depth.bytes,
        "lag_us": 0 if oldest is None else max(0, now - oldest),
    }
    answer["dead_letters"] = {"count": context.dead_letters.count(), "dropped": context.dead_letters.dropped()}
    answer["store"] = _stored(context.store)
    answer["waiting"] = _waiting(context.store, now)
    missing = Missing.of(context.store.damaged())
    answer["missing"] = None if missing is None else asdict(missing)
    ruleset = context.rules()
    answer["rules"] = {"loaded": len(ruleset.rules), "faults": len(ruleset.faults)}
    answer["ok"] = all(role["alive"] for role in answer["roles"]) and answer["store"] is not None
    return answer


def _stored(store: Store) -> dict[str, Any] | None:
    """Return the size of the history, None while a store that is elsewhere does not answer."""
    try:
        return asdict(store.stats())
    except (QueryTimeout, StoreUnavailable) as error:
        _log.warning("part_silent", part="store", reason=str(error))
        return None


def _waiting(store: Store, now: int) -> dict[str, Any] | None:
    found = store.waiting()
    return None if found is None else {**asdict(found), "lasts_us": found.lasts(now)}


def _role(role: RoleState, now: int) -> dict[str, Any]:
    silent = None if role.beat_at is None else max(0, now - role.beat_at)
    return {**asdict(role), "silent_us": silent}


def _agent(agent: Agent, now: int) -> dict[str, Any]:
    silent = None if agent.seen_at is None else max(0, now - agent.seen_at)
    alive = agent.state == AgentState.ACTIVE and silent is not None and silent <= AGENT_ALIVE
    return {
        "id": agent.id,
        "hostname": agent.hostname,
        "state": agent.state,
        "alive": alive,
        "silent_us": silent,
        "lag_us": None if agent.event_at is None else max(0, now - agent.event_at),
        "records": agent.records,
        "spooled": agent.spooled,
        "sensors": agent.sensors,
    }


def _by(session: Session, column: InstrumentedAttribute[Any], names: set[str]) -> dict[str, int]:
    found = {str(value): number for value, number in session.execute(select(column, func.count()).group_by(column))}
    return {str(name): found.get(str(name), 0) for name in sorted(names)}

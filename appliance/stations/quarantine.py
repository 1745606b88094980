"""Stations that are held: nothing is taken from them until a person has decided.

Two machines send under one certificate, or a certificate was renewed long after its end.
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.ops.operations import record
from appliance.state.models import Agent, AgentState, Operation


class Reason(StrEnum):
    """Why a station is held."""

    TWO_MACHINES = "two_machines"
    EXPIRED = "expired"


class NotHeld(LookupError):
    """This station waits for no decision."""


def hold(session: Session, agent_id: str, reason: Reason, now: int) -> bool:
    """Take nothing of a station for now; tell whether it was active before. It keeps what it has."""
    agent = session.get(Agent, agent_id)
    if agent is None or agent.state != AgentState.ACTIVE:
        return False
    agent.state = AgentState.QUARANTINE
    record(session, "czujka", "agent.quarantined", agent_id, now, hostname=agent.hostname, reason=reason.value)
    return True


def release(session: Session, who: str, agent_id: str, now: int) -> Agent:
    """Take a station's events again, for a person has found it right. Raises NotHeld."""
    agent = session.get(Agent, agent_id)
    if agent is None or agent.state != AgentState.QUARANTINE:
        raise NotHeld(agent_id)
    agent.state = AgentState.ACTIVE
    record(session, who, "agent.released", agent_id, now, hostname=agent.hostname)
    return agent


def held(session: Session) -> list[tuple[Agent, Reason]]:
    """Return the stations that wait for a decision, and why."""
    waiting = select(Agent).where(Agent.state == AgentState.QUARANTINE).order_by(Agent.hostname)
    return [(agent, _reason(session, agent.id)) for agent in session.scalars(waiting)]


def _reason(session: Session, agent_id: str) -> Reason:
    """Return what the audit log says of the last time."""
    mine = (Operation.action == "agent.quarantined", Operation.target == agent_id)
    last = session.scalar(select(Operation).where(*mine).order_by(Operation.id.desc()).limit(1))
    return Reason(last.detail["reason"]) if last is not None else Reason.TWO_MACHINES

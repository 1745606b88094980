"""Stations under whose certificate two machines send: nothing is taken from either until a person has decided."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.ops.operations import record
from appliance.state.models import Agent, AgentState


class NotHeld(LookupError):
    """This station waits for no decision."""


def hold(session: Session, agent_id: str, now: int) -> bool:
    """Take nothing of a station for now; tell whether it was active before. Both machines keep what they have."""
    agent = session.get(Agent, agent_id)
    if agent is None or agent.state != AgentState.ACTIVE:
        return False
    agent.state = AgentState.QUARANTINE
    record(session, "czujka", "agent.quarantined", agent_id, now, hostname=agent.hostname, reason="two_machines")
    return True


def release(session: Session, who: str, agent_id: str, now: int) -> Agent:
    """Take a station's events again, for a person has found one machine. Raises NotHeld."""
    agent = session.get(Agent, agent_id)
    if agent is None or agent.state != AgentState.QUARANTINE:
        raise NotHeld(agent_id)
    agent.state = AgentState.ACTIVE
    record(session, who, "agent.released", agent_id, now, hostname=agent.hostname)
    return agent


def held(session: Session) -> list[Agent]:
    """Return the stations that wait for a decision."""
    return list(session.scalars(select(Agent).where(Agent.state == AgentState.QUARANTINE).order_by(Agent.hostname)))

"""The tables of the agent's roll-outs: which version goes to how many stations, who went back, who waits and why."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from appliance.state.models import Base, Micros


class RolloutState(StrEnum):
    """A roll-out goes on; was stopped, by somebody or because stations went back; or is over for good."""

    GOING = "going"
    STOPPED = "stopped"
    ENDED = "ended"


class Rollout(Base):
    """One version of the agent on its way to the stations."""

    __tablename__ = "agent_rollout"
    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(String(32), unique=True)
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column()
    ring: Mapped[int] = mapped_column()
    """Percent of the stations that it goes to."""
    not_before: Mapped[int] = mapped_column(Micros)
    state: Mapped[RolloutState] = mapped_column(String(16), default=RolloutState.GOING)
    started_at: Mapped[int] = mapped_column(Micros)
    changed_at: Mapped[int] = mapped_column(Micros)


class WentBack(Base):
    """A station on which a version was no good."""

    __tablename__ = "agent_went_back"
    agent_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    version: Mapped[str] = mapped_column(String(32), primary_key=True)
    reason: Mapped[str] = mapped_column(String(16))
    """`crashed` or `silent` (agent/update/state.py)."""
    at: Mapped[int] = mapped_column(Micros)


class UpdateWait(Base):
    """A station that puts a newer version off, by its last heartbeat."""

    __tablename__ = "agent_update_wait"
    agent_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    why: Mapped[str] = mapped_column(String(16))
    """`power` or `busy` (agent/wire/update.py)."""
    since: Mapped[int] = mapped_column(Micros)

"""Tables of what stations may collect and of what they were asked to do."""

from __future__ import annotations

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from appliance.state.models import Base, Micros


class CollectionSwitch(Base):
    """One decision on a category; the newest of a station, else the newest of all stations, holds. Rows stay."""

    __tablename__ = "collection_switch"
    __table_args__ = (Index("collection_switch_agent", "agent_id", "category"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    agent_id: Mapped[str | None] = mapped_column(String(36))
    """Of this station alone; None = of all."""
    category: Mapped[str] = mapped_column(String(32))
    collected: Mapped[bool | None] = mapped_column()
    """Whether it is collected; None = as decided for all stations."""
    who: Mapped[str] = mapped_column(String(120))
    at: Mapped[int] = mapped_column(Micros)


class StationCommand(Base):
    """A command to a station, of the closed list of `agent.wire.commands`; rows stay."""

    __tablename__ = "station_command"
    __table_args__ = (Index("station_command_agent", "agent_id", "ended_at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    agent_id: Mapped[str] = mapped_column(String(36))
    kind: Mapped[str] = mapped_column(String(16))
    argument: Mapped[str] = mapped_column(String(64), default="")
    asked_by: Mapped[str] = mapped_column(String(120))
    asked_at: Mapped[int] = mapped_column(Micros)
    until: Mapped[int] = mapped_column(Micros)
    """After this moment it is not done any more."""
    outcome: Mapped[str] = mapped_column(String(16), default="")
    """`done`, `refused` or `late`; empty while it waits."""
    ended_at: Mapped[int | None] = mapped_column(Micros)

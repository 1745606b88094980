"""The table of slices: whose packets were asked for, by whom, what came, and what tshark made of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from appliance.state.models import Base, Micros


class SliceState(StrEnum):
    """waiting → taken → read; or none (the sensor has no such packets) or failed."""

    WAITING = "waiting"
    TAKEN = "taken"
    READ = "read"
    NONE = "none"
    FAILED = "failed"


class PacketSlice(Base):
    """The packets of one flow that somebody wanted; rows are kept after their file was removed."""

    __tablename__ = "packet_slice"
    __table_args__ = (Index("packet_slice_state", "state", "agent_id"), Index("packet_slice_uid", "uid", "agent_id"))
    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32))
    agent_id: Mapped[str] = mapped_column(String(36))
    """The sensor that told of the flow; the importer of this machine for imported files."""
    event_id: Mapped[str] = mapped_column(String(32))
    asked_by: Mapped[str] = mapped_column(String(120))
    asked_at: Mapped[int] = mapped_column(Micros)
    state: Mapped[SliceState] = mapped_column(String(16), default=SliceState.WAITING)
    reason: Mapped[str] = mapped_column(String(32), default="")
    """Why it failed, or why there is no summary: a word that the console has a text for."""
    whole: Mapped[bool] = mapped_column(default=True)
    """Whether all of the flow's packets that the sensor has are there."""
    size: Mapped[int] = mapped_column(default=0)
    """Bytes of the file."""
    sha256: Mapped[str] = mapped_column(String(64), default="")
    taken_at: Mapped[int | None] = mapped_column(Micros)
    summary: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """`appliance.slices.look.Summary`."""
    removed_at: Mapped[int | None] = mapped_column(Micros)
    """When the file went, by the days that it is kept."""

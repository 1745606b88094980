"""Tables of what stations are made of: inventory, settings, what changed in them, and their known weaknesses."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from appliance.state.models import Base, Micros


class StationItem(Base):
    """One thing that a station has, or had: agent/wire/inventory.py says of which sections."""

    __tablename__ = "station_item"
    agent_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    section: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(String(300), primary_key=True)
    fields: Mapped[dict[str, Any]] = mapped_column(JSON)
    size: Mapped[int] = mapped_column()
    """Bytes of its canonical text."""
    first_seen: Mapped[int] = mapped_column(Micros)
    changed_at: Mapped[int] = mapped_column(Micros)
    told_at: Mapped[int] = mapped_column(Micros)
    """When the agent last told of it, by the box's clock."""
    gone_at: Mapped[int | None] = mapped_column(Micros)
    revision: Mapped[int] = mapped_column(Micros)
    at: Mapped[int] = mapped_column(Micros)
    """The record's own time: with the revision it orders what is told of the item."""


class StationSection(Base):
    """What a station last said that a section of its inventory should be."""

    __tablename__ = "station_section"
    agent_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    section: Mapped[str] = mapped_column(String(32), primary_key=True)
    revision: Mapped[int] = mapped_column(Micros)
    at: Mapped[int] = mapped_column(Micros)
    told_at: Mapped[int] = mapped_column(Micros)
    agrees: Mapped[bool] = mapped_column(default=False)
    """Whether the box's table has the digest that the agent gave."""
    asked_at: Mapped[int | None] = mapped_column(Micros)
    """When the whole section was last asked for."""
    refused: Mapped[int] = mapped_column(default=0)
    """Items that the bounds left out."""
    problem: Mapped[str] = mapped_column(String(64), default="")
    """Why the agent's last round could not look; the items are those of the round before. Empty when it could."""


class StationFinding(Base):
    """What a station says of one of its settings: `pass`, `fail` or `unknown`, and why."""

    __tablename__ = "station_finding"
    agent_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    """The check, as `rules/posture/<name>.yml` describes it."""
    result: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(64), default="")
    value: Mapped[str] = mapped_column(String(500), default="")
    since: Mapped[int] = mapped_column(Micros)
    """From when on the result has been this."""
    seen_at: Mapped[int] = mapped_column(Micros)
    told_at: Mapped[int] = mapped_column(Micros)
    """When the agent last told of it, by the box's clock."""
    revision: Mapped[int] = mapped_column(Micros)


class StationChange(Base):
    """A change of a station's inventory or settings; `section` is `posture` for the latter."""

    __tablename__ = "station_change"
    __table_args__ = (Index("station_change_agent", "agent_id", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    agent_id: Mapped[str] = mapped_column(String(36))
    at: Mapped[int] = mapped_column(Micros)
    section: Mapped[str] = mapped_column(String(32))
    key: Mapped[str] = mapped_column(String(300))
    what: Mapped[str] = mapped_column(String(16))
    """`new`, `changed`, `gone`."""
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """Only the fields that differ, for what changed."""


class StationWeakness(Base):
    """A known weakness of something that a station has."""

    __tablename__ = "station_weakness"
    __table_args__ = (
        UniqueConstraint("agent_id", "name", "product"),
        Index("station_weakness_name", "name", "gone_at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    agent_id: Mapped[str] = mapped_column(String(36))
    name: Mapped[str] = mapped_column(String(64))
    """CVE where there is one, else the name of the advisory or of the row in our tables."""
    source: Mapped[str] = mapped_column(String(16))
    """`osv`, `software` or `windows`."""
    product: Mapped[str] = mapped_column(String(255))
    version: Mapped[str] = mapped_column(String(120))
    fixed: Mapped[str] = mapped_column(String(120), default="")
    """The first version without it; empty when there is none."""
    title: Mapped[str] = mapped_column(String(300), default="")
    severity: Mapped[str] = mapped_column(String(16), default="")
    exploited: Mapped[bool] = mapped_column(default=False)
    """In CISA's catalogue of what is used in attacks."""
    since: Mapped[int] = mapped_column(Micros)
    gone_at: Mapped[int | None] = mapped_column(Micros)


class StationMatched(Base):
    """With what a station's inventory was last compared."""

    __tablename__ = "station_matched"
    agent_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    """Of the inventory's revisions, the feeds and our tables: while it is the same, so is the result."""
    at: Mapped[int] = mapped_column(Micros)
    judged: Mapped[bool] = mapped_column()
    """Whether all that it has could be compared: without that, nothing found means nothing."""
    reason: Mapped[str] = mapped_column(String(32), default="")
    """Why not, a name of appliance/vulnerabilities/standing.py; empty when it could."""
    detail: Mapped[str] = mapped_column(String(300), default="")
    """Of what the reason speaks: sections, programs, a build."""
    left_out: Mapped[int] = mapped_column(default=0)
    """Weaknesses beyond the bound for one station."""


class WeaknessAcceptance(Base):
    """Somebody's word that a weakness may stay until a day, and why; rows are never removed."""

    __tablename__ = "weakness_acceptance"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), index=True)
    agent_id: Mapped[str] = mapped_column(String(36), default="")
    """On this station alone; empty = on all."""
    reason: Mapped[str] = mapped_column(Text)
    who: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[int] = mapped_column(Micros)
    until: Mapped[int] = mapped_column(Micros)
    withdrawn_at: Mapped[int | None] = mapped_column(Micros)
    withdrawn_by: Mapped[str] = mapped_column(String(120), default="")

"""Tables of indicators: bad names, addresses, pages, files and senders that the office was told of."""

from __future__ import annotations

from sqlalchemy import JSON, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from appliance.state.models import Base, Micros


class Indicator(Base):
    """One value as one source tells it; times in microseconds."""

    __tablename__ = "indicator"
    __table_args__ = (
        UniqueConstraint("kind", "value", "source"),
        Index("indicator_expires", "expires_at"),
        Index("indicator_source", "source"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    """A word of `appliance.indicators.values.Kind`."""
    value: Mapped[str] = mapped_column(String(1000))
    source: Mapped[str] = mapped_column(String(120))
    comment: Mapped[str] = mapped_column(String(300), default="")
    added_at: Mapped[int] = mapped_column(Micros)
    """When the source first told it."""
    expires_at: Mapped[int | None] = mapped_column(Micros)
    """From when on it counts no more; None = never."""


class IndicatorChange(Base):
    """One import or removal. Rows stay: by the newest one readers see that something has changed."""

    __tablename__ = "indicator_change"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[int] = mapped_column(Micros)
    who: Mapped[str] = mapped_column(String(120))
    source: Mapped[str] = mapped_column(String(120))
    added: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    """By kind how many values came in force that no source had told; none at a removal."""

"""The table of holds: events that must stay in the store for a time, whatever retention says."""

from __future__ import annotations

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from appliance.state.models import Base, Micros


class StoreHold(Base):
    """A hold on stored events from `start` to before `end`; rows are kept after it was lifted."""

    __tablename__ = "store_hold"
    id: Mapped[int] = mapped_column(primary_key=True)
    start: Mapped[int] = mapped_column(Micros)
    end: Mapped[int] = mapped_column(Micros)
    host: Mapped[str] = mapped_column(String(255), default="")
    """Of this host alone; "" = of all."""
    alert_id: Mapped[int | None] = mapped_column()
    """The alert that it was set for; no reference, so that it outlives the alert."""
    reason: Mapped[str] = mapped_column(Text)
    who: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[int] = mapped_column(Micros)
    until: Mapped[int | None] = mapped_column(Micros)
    """When it ends by itself; None = when somebody lifts it."""
    lifted_at: Mapped[int | None] = mapped_column(Micros, index=True)
    lifted_by: Mapped[str] = mapped_column(String(120), default="")

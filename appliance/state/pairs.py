"""The table of what was decided on two stations that may be one machine."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from appliance.state.models import Base, Micros


class StationPair(Base):
    """A decision: the new station replaced the old one, or both are machines of their own. Rows stay."""

    __tablename__ = "station_pair"
    old: Mapped[str] = mapped_column(String(36), primary_key=True)
    new: Mapped[str] = mapped_column(String(36), primary_key=True)
    replaced: Mapped[bool] = mapped_column()
    who: Mapped[str] = mapped_column(String(120))
    at: Mapped[int] = mapped_column(Micros)

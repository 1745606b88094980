"""The table of saved searches. Its module is imported where the metadata must be whole (env.py)."""

from __future__ import annotations

from sqlalchemy import JSON, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from appliance.state.models import Base, Micros


class SavedSearch(Base):
    """A question about events that somebody keeps, for themselves or for the office."""

    __tablename__ = "saved_search"
    __table_args__ = (UniqueConstraint("author", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    author: Mapped[str] = mapped_column(String(120))
    """A login, or `token:NAME`."""
    shared: Mapped[bool] = mapped_column(default=False)
    query: Mapped[str] = mapped_column(Text)
    span: Mapped[str] = mapped_column(String(8), default="")
    """A span up to now, which stays relative; empty for the two moments."""
    since: Mapped[int | None] = mapped_column(Micros)
    until: Mapped[int | None] = mapped_column(Micros)
    columns: Mapped[list[str]] = mapped_column(JSON, default=list)
    split: Mapped[str] = mapped_column(String(200), default="")
    """By what the bars are divided."""
    created_at: Mapped[int] = mapped_column(Micros)
    changed_at: Mapped[int] = mapped_column(Micros)

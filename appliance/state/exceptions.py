"""Exceptions to rules. Times are integer microseconds since the epoch (UTC)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from appliance.state.models import Base, ExceptionState, Micros


class RuleException(Base):
    """Events that rules leave alone until a day: who wanted it, why, and who else agreed."""

    __tablename__ = "rule_exception"
    id: Mapped[int] = mapped_column(primary_key=True)
    filter_id: Mapped[str] = mapped_column(String(36), unique=True)
    """The id of its Sigma filter."""
    logsource: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    """The log source whose every rule it is for; empty when it names its rules."""
    conditions: Mapped[list[dict[str, str]]] = mapped_column(JSON)
    """All must hold: each {"field", "how", "value"}, as the rule's Sigma names them."""
    reason: Mapped[str] = mapped_column(Text)
    author: Mapped[str] = mapped_column(String(120))
    proposed_at: Mapped[int] = mapped_column(Micros)
    expires_at: Mapped[int] = mapped_column(Micros)
    state: Mapped[ExceptionState] = mapped_column(String(16), default=ExceptionState.PROPOSED)
    approver: Mapped[str] = mapped_column(String(120), default="")
    approved_at: Mapped[int | None] = mapped_column(Micros)
    withdrawn_by: Mapped[str] = mapped_column(String(120), default="")
    withdrawn_at: Mapped[int | None] = mapped_column(Micros)
    alert_id: Mapped[int | None] = mapped_column(Integer)
    """The alert that it was proposed from."""
    replay: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """What it would have hidden, as it was when proposed."""
    rules: Mapped[list[ExceptionRule]] = relationship(
        lazy="selectin", cascade="all, delete-orphan", order_by="ExceptionRule.place"
    )
    """The rules that it names; none when it is for every rule of a log source."""

    @property
    def about(self) -> dict[str, Any]:
        """The rules that it is for, as the audit log has them."""
        return {"rules": [one.rule_id for one in self.rules]} if self.rules else {"every_rule_of": self.logsource}


class ExceptionRule(Base):
    """A rule that an exception names, as it was when proposed."""

    __tablename__ = "exception_rule"
    exception_id: Mapped[int] = mapped_column(ForeignKey("rule_exception.id", ondelete="CASCADE"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    rule_id: Mapped[str] = mapped_column(String(64), index=True)
    title: Mapped[str] = mapped_column(String(255))
    logsource: Mapped[dict[str, str]] = mapped_column(JSON)

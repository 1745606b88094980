"""What the state database says of rules: exceptions that act now, rules that were stopped, lists of indicators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from appliance.clock import rfc3339
from appliance.detect.modifiers import Lists
from appliance.indicators import book as indicators
from appliance.state.exceptions import RuleException
from appliance.state.models import ExceptionState, RuleStop

from .conditions import load_conditions
from .scope import Scope, document


@dataclass(frozen=True, slots=True)
class Kept:
    """Exceptions as Sigma filters by name, and the share of a core that each stopped rule took.

    `lists` are the values of indicators that have not expired, by the names of lists; `grown` has another number for a
    list when a value has come.
    """

    filters: Mapping[str, str] = field(default_factory=dict)
    stopped: Mapping[str, float] = field(default_factory=dict)
    lists: Lists = field(default_factory=dict)
    grown: Mapping[str, int] = field(default_factory=dict)


def kept(sessions: sessionmaker[Session], now: int) -> Kept:
    """Return what counts at a moment. Raises SQLAlchemyError."""
    with sessions() as session:
        acting = select(RuleException).where(
            RuleException.state == ExceptionState.APPROVED, RuleException.expires_at > now
        )
        filters = {
            f"exception-{row.id}": filter_text(row) for row in session.scalars(acting.order_by(RuleException.id))
        }
        stops = select(RuleStop.rule_id, RuleStop.share).where(RuleStop.resumed_at.is_(None))
        stopped = {rule: float(share) for rule, share in session.execute(stops)}
        return Kept(filters, stopped, indicators.lists(session, now), indicators.grown(session))


def mark(session: Session, now: int) -> tuple[object, ...]:
    """Return a value that changes when what `kept` returns does."""
    acting = select(RuleException.id).where(
        RuleException.state == ExceptionState.APPROVED, RuleException.expires_at > now
    )
    stops = select(RuleStop.rule_id).where(RuleStop.resumed_at.is_(None))
    exceptions = tuple(session.scalars(acting.order_by(RuleException.id)))
    return exceptions, tuple(sorted(session.scalars(stops))), indicators.mark(session, now)


def filter_text(row: RuleException) -> str:
    """Return an exception as the text of Sigma filters, one a log source."""
    return document(
        identity=row.filter_id,
        title=f"Wyjątek {row.id}: {_title(row)}",
        description=f"{row.reason} Wygasa: {rfc3339(row.expires_at)}. Zgoda: {row.approver or 'brak'}.",
        author=row.author,
        scope=Scope(tuple((one.rule_id, one.logsource) for one in row.rules), row.logsource),
        conditions=load_conditions(row.conditions),
    )


def _title(row: RuleException) -> str:
    if not row.rules:
        return " / ".join(row.logsource.values())
    more = len(row.rules) - 1
    return f"{row.rules[0].title} (+{more})" if more else row.rules[0].title

"""The loss ledger: what the box knows it did not get, by host, hour and cause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from appliance.alerts.entity import text_of
from appliance.clock import HOUR
from appliance.state.models import GapSeen, Loss
from appliance.state.upsert import add_up, insert_for

_MOST = 1 << 62
_LONGEST = 14 * 24
"""Hours over which one gap is spread; a longer one is noted in its last hours."""


def record_gap(session: Session, event: Mapping[str, Any]) -> bool:
    """Enter a `telemetry_gap` event into the ledger; return False when it is there already.

    A gap that spans hours is spread over them, so that the report shows when the box was blind.
    """
    seen = insert_for(session)(GapSeen).values(event_id=str(event["event.id"])).on_conflict_do_nothing()
    if session.execute(seen).rowcount == 0:  # type: ignore[attr-defined]
        return False
    host, cause = text_of(event, "host.name"), text_of(event, "gap.cause")[:64] or "unknown"
    shares = spread(*_span(event), _count(event))
    rows = [{"host": host, "hour": hour, "cause": cause, "count": count} for hour, count in shares]
    add_up(session, Loss, ("host", "hour", "cause"), rows)
    return True


def spread(start: int, end: int, count: int) -> list[tuple[int, int]]:
    """Return the hours of a gap with the share of each; the shares add up to the count."""
    last = end - end % HOUR
    first = max(start - start % HOUR, last - (_LONGEST - 1) * HOUR)
    hours = range(first, last + 1, HOUR)
    share, rest = divmod(count, len(hours))
    return [(hour, share + (number < rest)) for number, hour in enumerate(hours)]


def _span(event: Mapping[str, Any]) -> tuple[int, int]:
    end = _whole(event.get("gap.to"), int(event["@timestamp"]))
    return min(_whole(event.get("gap.from"), end), end), end


def _count(event: Mapping[str, Any]) -> int:
    return max(0, _whole(event.get("gap.count"), 0))


def _whole(value: Any, otherwise: int) -> int:
    return min(value, _MOST) if isinstance(value, int) and value >= 0 else otherwise


@dataclass(frozen=True, slots=True)
class LossRow:
    """Lost events of a host in an hour for a cause; 0 where only the gap is known, not its size."""

    host: str
    hour: int
    cause: str
    count: int


def losses(session: Session, since: int, until: int, limit: int = 1000, host: str | None = None) -> list[LossRow]:
    """Return the ledger's rows whose hour lies in `since` … `until`, newest first."""
    query = select(Loss).where(Loss.hour >= since, Loss.hour < until)
    if host is not None:
        query = query.where(Loss.host == host)
    rows = session.scalars(query.order_by(Loss.hour.desc(), Loss.host, Loss.cause).limit(limit))
    return [LossRow(row.host, row.hour, row.cause, row.count) for row in rows]


def total(session: Session, since: int, until: int) -> int:
    """Return how many events are known to be lost in a time."""
    return (
        session.scalar(select(func.coalesce(func.sum(Loss.count), 0)).where(Loss.hour >= since, Loss.hour < until)) or 0
    )

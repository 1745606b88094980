"""Which events raised alerts: for the rows of a table and for the feet of a chart's bars."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.detect.values import thaw
from appliance.search import Node, matches
from appliance.state.models import Alert, AlertEvent

MOST = 2000
"""Events of a stretch that are looked at, the newest first."""


def events_alerted(session: Session, ids: list[str]) -> dict[str, tuple[int, int]]:
    """Return for events that raised alerts the worst one: event id → (alert id, level)."""
    if not ids:
        return {}
    query = (
        select(AlertEvent.event_id, Alert.id, Alert.level)
        .join(Alert, Alert.id == AlertEvent.alert_id)
        .where(AlertEvent.event_id.in_(ids))
        .order_by(Alert.level)
    )
    return {event_id: (alert_id, level) for event_id, alert_id, level in session.execute(query)}


def alerted_moments(session: Session, query: Node, start: int, end: int) -> list[tuple[int, int]]:
    """Return (time in µs, level) of the events in [start, end) that raised an alert and fit a query."""
    rows = session.execute(
        select(AlertEvent.event_at, Alert.level, AlertEvent.event)
        .join(Alert, Alert.id == AlertEvent.alert_id)
        .where(AlertEvent.event_at >= start, AlertEvent.event_at < end)
        .order_by(AlertEvent.event_at.desc())
        .limit(MOST)
    )
    return [(at, level) for at, level, event in rows if matches(query, thaw(event or {}))]


def columns_of(moments: Iterable[tuple[int, int]], start: int, width: int) -> dict[int, int]:
    """Return the highest level of each column of a chart that begins at `start` with columns `width` µs wide."""
    found: dict[int, int] = {}
    for at, level in moments:
        column = (at - start) // width
        found[column] = max(level, found.get(column, 0))
    return found

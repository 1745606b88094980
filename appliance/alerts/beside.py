"""What else was found beside an alert: rules that fired on its events, or on the same entity about that time."""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from appliance.state.models import Alert, AlertEvent

from .grouping import WINDOW

_EVENTS = 100
"""Events of an alert that are looked at."""


def rules_beside(session: Session, alert: Alert, limit: int) -> list[str]:
    """Return the ids of other rules with alerts beside an alert, those of the newest alerts first."""
    events = select(AlertEvent.event_id).where(AlertEvent.alert_id == alert.id).limit(_EVENTS)
    same_events = Alert.id.in_(select(AlertEvent.alert_id).where(AlertEvent.event_id.in_(events)))
    near = (Alert.entity == alert.entity) & Alert.last_event_at.between(
        alert.first_event_at - WINDOW, alert.last_event_at + WINDOW
    )
    query = select(Alert.rule_id).where(or_(same_events, near), Alert.rule_id != alert.rule_id)
    newest = session.scalars(query.order_by(Alert.id.desc()).limit(10 * limit))
    return list(dict.fromkeys(newest))[:limit]

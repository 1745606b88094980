"""What other parts wrote into their tables, as drafts of entries: alerts, decisions, evidence of alerts, audit log.

Each table is read on from a cursor, the last id that was carried, so hot paths know nothing of the chain. Beside it
stays a mark of each row that was carried: a table with another row under such an id was restored from a backup.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from appliance.evidence.chain import canonical
from appliance.evidence.ledger import Draft, Ledger
from appliance.evidence.plain import plain
from appliance.state.models import Alert, AlertEvent, AlertHistory, Operation

ROWS = 1000
"""Rows of a table that are carried at a time."""
Table = type[AlertHistory] | type[AlertEvent] | type[Operation]


@dataclass(slots=True)
class Carried:
    """Some rows as drafts, their marks by id, and the cursor after them."""

    name: str
    upto: int
    drafts: list[Draft] = field(default_factory=list)
    marks: dict[int, bytes] = field(default_factory=dict)


def carried(session: Session, ledger: Ledger) -> Iterator[Carried]:
    """Yield what is new in each table, in the order of its ids, in portions."""
    for name, table, make in _TABLES:
        at = int(ledger.cursor(name) or 0)
        newest = session.scalar(select(func.max(table.id))) or 0
        kept = _kept(session, table, ledger.marks(name), min(at, newest)) if at else 0
        if kept < at:
            payload = {"carried": at, "kept": kept, "newest": newest, "table": name}
            yield Carried(name, kept, [Draft("went_back", payload, name)])
            at = kept
        while at < newest:
            query = select(table).where(table.id > at, table.id <= newest).order_by(table.id).limit(ROWS)
            rows: Sequence[Any] = session.scalars(query).all()
            if not rows:
                break
            at = rows[-1].id
            yield Carried(name, at, list(make(session, rows)), {row.id: _mark(row) for row in rows})


def _kept(session: Session, table: Table, marks: Iterator[tuple[int, bytes]], last: int) -> int:
    """Return the last id up to which a table has what was carried, of `marks` from the newest on."""
    oldest = last + 1
    for number, mark in marks:
        row: Any = session.get(table, number)
        if row is not None and _mark(row) == mark:
            return number
        oldest = min(oldest, number)
    # What was carried before there were marks.
    return oldest - 1


def _mark(row: AlertHistory | AlertEvent | Operation) -> bytes:
    values = {name: getattr(row, name) for name in _MARKED[type(row)]}
    return hashlib.sha256(canonical(plain(values))).digest()[:16]


def _history(session: Session, rows: Sequence[AlertHistory]) -> Iterator[Draft]:
    made = {row.alert_id for row in rows if row.action == "created"}
    alerts = {one.id: one for one in session.scalars(select(Alert).where(Alert.id.in_(made)))}
    for row in rows:
        payload = {"action": row.action, "alert": row.alert_id, "at": row.at, "detail": row.detail}
        payload |= {"history": row.id, "who": row.who}
        known = alerts.get(row.alert_id) if row.action == "created" else None
        if known is None:
            yield Draft("decision", payload, str(row.alert_id))
        else:
            yield Draft("alert", payload | {"about": about(known)}, str(row.alert_id))


def about(alert: Alert) -> dict[str, Any]:
    """Return what an alert is about: what does not change when people work on it."""
    names = ("rule_id", "title", "level", "entity", "host", "agent_id", "user", "process", "tags", "late", "created_at")
    return {name: getattr(alert, name) for name in names} | {"first_event_at": alert.first_event_at}


def _events(_session: Session, rows: Sequence[AlertEvent]) -> Iterator[Draft]:
    for alert, group in groupby(rows, key=lambda row: row.alert_id):
        events = [[row.event_id, row.event_at, row.digest] for row in group]
        yield Draft("alert_events", {"alert": alert, "events": events}, str(alert))


def _operations(_session: Session, rows: Sequence[Operation]) -> Iterator[Draft]:
    for row in rows:
        payload = {"action": row.action, "at": row.at, "detail": row.detail, "operation": row.id}
        yield Draft("operation", payload | {"target": row.target, "who": row.who}, row.who)


_Make = Callable[[Session, Any], Iterator[Draft]]
_TABLES: tuple[tuple[str, Table, _Make], ...] = (
    ("alert_history", AlertHistory, _history),
    ("alert_event", AlertEvent, _events),
    ("operation", Operation, _operations),
)
_MARKED: dict[Table, tuple[str, ...]] = {
    AlertHistory: ("alert_id", "at", "who", "action", "detail"),
    AlertEvent: ("alert_id", "event_id", "event_at", "digest"),
    Operation: ("at", "who", "action", "target", "detail"),
}
"""What of a row never changes."""

"""What arrived and what rules did, by day, in the state database: written by the pipeline, read by everybody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from appliance.clock import DAY
from appliance.detect import EventClass, RuleStats
from appliance.detect.visibility import Had, Presence, Sighting
from appliance.detect.visibility.presence import MAX_CLASSES, MAX_FIELDS, Group
from appliance.state.models import EventDay, EventField, EventKind, RuleDay, RuleState

KEPT_DAYS = 400
"""Days that counts and fields are kept."""
_CHUNK = 200
log = structlog.get_logger()
_Numbers = tuple[int, int]
"""Events that a rule was decided on, nanoseconds."""


def day_of(micros: int) -> int:
    """Return the day of a moment: days since 1970-01-01 UTC."""
    return micros // DAY


@dataclass(slots=True)
class Watch:
    """What the pipeline has counted and not yet written. Only the pipeline's thread uses it."""

    presence: Presence = field(default_factory=Presence)
    _hits: Counter[str] = field(default_factory=Counter)
    _stats: dict[str, _Numbers] = field(default_factory=dict)
    """What of each rule's cost has been written."""
    _owed: dict[str, _Numbers] = field(default_factory=dict)
    """What rules did in engines that have gone, and is not written yet."""
    _kinds: dict[EventClass, int] = field(default_factory=dict)
    _day: int | None = None

    def take(self, groups: Iterable[Group], counts: Sequence[bool] | None = None) -> None:
        """Count events that were put to the rules; `counts` tells by place which of them count, else all do."""
        self.presence.take(groups, counts)

    def fired(self, rules: Iterable[str]) -> None:
        """Count hits: the ids of the rules that events satisfied."""
        self._hits.update(rules)

    def write(self, session: Session, stats: Mapping[str, RuleStats], now: int) -> None:
        """Add what was counted to a session's transaction; `wrote` must follow its commit."""
        day = day_of(now)
        if self._day not in (None, day):
            _forget(session, day - KEPT_DAYS)
            # Some of the kinds may be gone now.
            self._kinds.clear()
        for kind, sighting in self.presence.seen(day).items():
            number = self._kind(session, kind, now)
            if number is not None:
                _sighted(session, number, sighting, day)
        costs = {name: delta for name, (_, delta) in self._changes(stats).items()}
        changed = [(name, self._hits[name], *costs.get(name, (0, 0))) for name in sorted({*costs, *self._hits})]
        _add(session, RuleDay, ("rule_id", "day"), [
            {"rule_id": name, "day": day, "hits": hits, "evaluated": evaluated, "nanoseconds": spent}
            for name, hits, evaluated, spent in changed
        ])  # fmt: skip

    def wrote(self, stats: Mapping[str, RuleStats], now: int) -> None:
        """Forget what `write` has added, after the commit."""
        self._stats.update({name: total for name, (total, _) in self._changes(stats).items()})
        self._owed.clear()
        self._hits.clear()
        self._day = day_of(now)
        self.presence.clear(self._day)

    def renew(self, stats: Mapping[str, RuleStats]) -> None:
        """Take the last counters of an engine that goes; the next one counts from nought again."""
        self._owed = {name: delta for name, (_, delta) in self._changes(stats).items()}
        self._stats.clear()

    def _changes(self, stats: Mapping[str, RuleStats]) -> dict[str, tuple[_Numbers, _Numbers]]:
        """Return total and growth of each rule that did anything since it was last written."""
        found = {name: (self._stats.get(name, (0, 0)), owed) for name, owed in self._owed.items()}
        for name, one in list(stats.items()):
            total = (one.evaluated, one.nanoseconds)
            before = self._stats.get(name, (0, 0))
            if total != before:
                fresh = any(new < old for new, old in zip(total, before, strict=True))
                base = (0, 0) if fresh else before
                owed = self._owed.get(name, (0, 0))
                evaluated, spent = (new - old + more for new, old, more in zip(total, base, owed, strict=True))
                found[name] = (total, (evaluated, spent))
        return found

    def _kind(self, session: Session, kind: EventClass, now: int) -> int | None:
        """Return the row of a class, made when there is none; None when there are too many."""
        number = self._kinds.get(kind)
        if number is not None:
            row = session.get(EventKind, number)
            if row is not None:
                row.seen_at = now
                return number
        values = _values(kind)
        row = session.scalars(select(EventKind).filter_by(**values)).one_or_none()
        if row is None:
            if (session.scalar(select(func.count()).select_from(EventKind)) or 0) >= MAX_CLASSES:
                log.warning("event_kinds_full", most=MAX_CLASSES)
                return None
            row = EventKind(**values, seen_at=now)
            session.add(row)
        row.seen_at = now
        session.flush()
        self._kinds[kind] = row.id
        return row.id


def _values(kind: EventClass) -> dict[str, Any]:
    code = -1 if kind.code is None else kind.code
    return {"module": kind.module, "channel": kind.channel or "", "code": code, "category": kind.category or ""}


def _sighted(session: Session, kind: int, sighting: Sighting, day: int) -> None:
    _add(session, EventDay, ("kind_id", "day"), [{"kind_id": kind, "day": day, "events": sighting.events}])
    if not sighting.fields:
        return
    known = set(session.scalars(select(EventField.name).where(EventField.kind_id == kind)))
    names = sorted(sighting.fields & known) + sorted(sighting.fields - known)[: max(0, MAX_FIELDS - len(known))]
    rows = [{"kind_id": kind, "name": name, "day": day} for name in names]
    insert = _insert(session)
    for start in range(0, len(rows), _CHUNK):
        statement = insert(EventField).values(rows[start : start + _CHUNK])
        changes = {"day": statement.excluded.day}
        session.execute(statement.on_conflict_do_update(index_elements=["kind_id", "name"], set_=changes))


def _add(session: Session, table: Any, keys: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, or add their numbers to those that are there."""
    insert = _insert(session)
    for start in range(0, len(rows), _CHUNK):
        part = rows[start : start + _CHUNK]
        statement = insert(table).values(part)
        numbers = [name for name in part[0] if name not in keys]
        changes = {name: getattr(table, name) + statement.excluded[name] for name in numbers}
        session.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=changes))


def _insert(session: Session) -> Any:
    return postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert


def _forget(session: Session, before: int) -> None:
    for table in (EventDay, EventField, RuleDay):
        session.execute(delete(table).where(table.day < before))
    kept = select(EventDay.kind_id)
    session.execute(delete(EventKind).where(EventKind.id.not_in(kept)))


def had_since(session: Session, day: int) -> dict[EventClass, Had]:
    """Return what each class of events had on a day or after it."""
    counts = select(EventDay.kind_id, func.sum(EventDay.events)).where(EventDay.day >= day).group_by(EventDay.kind_id)
    events = {kind: int(count) for kind, count in session.execute(counts)}
    names: dict[int, set[str]] = {kind: set() for kind in events}
    for kind, name in session.execute(select(EventField.kind_id, EventField.name).where(EventField.day >= day)):
        if kind in names:
            names[kind].add(name)
    return {
        _class(row): Had(events[row.id], row.seen_at, frozenset(names[row.id]))
        for row in session.scalars(select(EventKind).where(EventKind.id.in_(list(events))))
    }


def _class(row: EventKind) -> EventClass:
    return EventClass(row.module, row.channel or None, None if row.code < 0 else row.code, row.category or None)


@dataclass(frozen=True, slots=True)
class Deeds:
    """What one rule did within some days: hits, events decided, and the time that took."""

    hits: int = 0
    evaluated: int = 0
    nanoseconds: int = 0


def deeds_since(session: Session, day: int) -> dict[str, Deeds]:
    """Return what each rule did on a day or after it."""
    sums = (func.sum(RuleDay.hits), func.sum(RuleDay.evaluated), func.sum(RuleDay.nanoseconds))
    rows = session.execute(select(RuleDay.rule_id, *sums).where(RuleDay.day >= day).group_by(RuleDay.rule_id))
    return {name: Deeds(int(hits), int(evaluated), int(spent)) for name, hits, evaluated, spent in rows}


def record_selftest(session: Session, rules: Iterable[str], now: int) -> None:
    """Note that rules fired on their own events."""
    insert = _insert(session)
    for rule in rules:
        statement = insert(RuleState).values(rule_id=rule, tested_at=now, hits=0)
        session.execute(statement.on_conflict_do_update(index_elements=["rule_id"], set_={"tested_at": now}))


def fired(session: Session) -> frozenset[str]:
    """Return the ids of rules that have fired, on events that arrived or on their own in a self-test."""
    seen = select(RuleState.rule_id).where((RuleState.matched_at.is_not(None)) | (RuleState.tested_at.is_not(None)))
    return frozenset(session.scalars(seen))

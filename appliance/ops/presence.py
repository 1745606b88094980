"""What arrived and what rules did, by day, in the state database: written by the pipeline, read by everybody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from appliance.clock import DAY
from appliance.detect import EventClass, RuleStats
from appliance.detect.visibility import Had, Presence, Sighting
from appliance.detect.visibility.presence import MAX_CLASSES, MAX_FIELDS, Group
from appliance.state.models import EventDay, EventField, EventKind, RuleDay, RuleState
from appliance.state.upsert import add_up

KEPT_DAYS = 400
"""Days that counts and fields are kept."""
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
        _sighted(session, self._numbered(session, self.presence.seen(day), now), day)
        costs = {name: delta for name, (_, delta) in self._changes(stats).items()}
        changed = [(name, self._hits[name], *costs.get(name, (0, 0))) for name in sorted({*costs, *self._hits})]
        add_up(session, RuleDay, ("rule_id", "day"), [
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

    def _numbered(self, session: Session, seen: Mapping[EventClass, Sighting], now: int) -> dict[int, Sighting]:
        """Return what was seen by the row of its class; rows are made where there are none, as far as may be."""
        known = {self._kinds[kind]: kind for kind in seen if kind in self._kinds}
        # One that is gone, or whose transaction failed, is looked for again.
        there = {row.id: row for row in session.scalars(select(EventKind).where(EventKind.id.in_(known)))}
        found: dict[int, Sighting] = {}
        for kind, sighting in seen.items():
            row = there.get(self._kinds.get(kind, 0)) or self._kind(session, kind, now)
            if row is not None:
                row.seen_at = now
                found[row.id] = sighting
        return found

    def _kind(self, session: Session, kind: EventClass, now: int) -> EventKind | None:
        """Return the row of a class, made when there is none; None when there are too many."""
        values = _values(kind)
        row = session.scalars(select(EventKind).filter_by(**values)).one_or_none()
        if row is None:
            if (session.scalar(select(func.count()).select_from(EventKind)) or 0) >= MAX_CLASSES:
                log.warning("event_kinds_full", most=MAX_CLASSES)
                return None
            row = EventKind(**values, seen_at=now)
            session.add(row)
            session.flush()
        self._kinds[kind] = row.id
        return row


def _values(kind: EventClass) -> dict[str, Any]:
    code = -1 if kind.code is None else kind.code
    return {"module": kind.module, "channel": kind.channel or "", "code": code, "category": kind.category or ""}


def _sighted(session: Session, seen: Mapping[int, Sighting], day: int) -> None:
    days = [{"kind_id": kind, "day": day, "events": sighting.events} for kind, sighting in seen.items()]
    add_up(session, EventDay, ("kind_id", "day"), days)
    fields = {kind: sighting.fields for kind, sighting in seen.items() if sighting.fields}
    known: dict[int, set[str]] = {kind: set() for kind in fields}
    names_of = select(EventField.kind_id, EventField.name).where(EventField.kind_id.in_(fields))
    for kind, name in session.execute(names_of):
        known[kind].add(name)
    rows = [
        {"kind_id": kind, "name": name, "day": day}
        for kind, names in fields.items()
        for name in _within(names, known[kind])
    ]
    add_up(session, EventField, ("kind_id", "name"), rows, latest=("day",))


def _within(names: set[str], known: set[str]) -> list[str]:
    """Return the names that are known, and as many others as there is room for."""
    return [*sorted(names & known), *sorted(names - known)[: max(0, MAX_FIELDS - len(known))]]


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
    rows = [{"rule_id": rule, "tested_at": now, "hits": 0} for rule in rules]
    add_up(session, RuleState, ("rule_id",), rows, latest=("tested_at",))


def fired(session: Session) -> frozenset[str]:
    """Return the ids of rules that have fired, on events that arrived or on their own in a self-test."""
    seen = select(RuleState.rule_id).where((RuleState.matched_at.is_not(None)) | (RuleState.tested_at.is_not(None)))
    return frozenset(session.scalars(seen))

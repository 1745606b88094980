"""From hits to alerts: the same rule on the same entity within an hour is one alert.

A correlation's hits are the events that prove it; they are one alert within its own timespan, whatever their hosts.

Applying the same hits again changes nothing: a rule's hit on an event is kept once, whatever is replayed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, insert, select, tuple_
from sqlalchemy.orm import Session

from appliance.alerts.entity import account_of, entity_of, text_of
from appliance.clock import DAY, HOUR
from appliance.deliver import enqueue
from appliance.detect import Rule
from appliance.detect.correlation import Correlation
from appliance.evidence.plain import event_digest
from appliance.settings import Settings
from appliance.state.database import lock
from appliance.state.hunts import HuntAlert
from appliance.state.models import Alert, AlertEvent, AlertHistory, AlertState, Base, Feed, RuleState
from appliance.state.upsert import add_up

WINDOW = HOUR
"""A hit joins an open alert whose events are at most this far from it."""
LATE = HOUR
"""An event that took longer than this to arrive makes a late alert."""
STALE = DAY
"""A late alert whose events are all older is not sent: it stands in the list, and wakes nobody."""
SNAPSHOTS = 200
"""Events of one alert that are kept with the alert; further ones are counted and found in the store."""
SNAPSHOT_TEXT = 8192
"""Characters of one field in such a copy."""
_CHUNK = 400


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that matched an event, or a correlation that rests on it."""

    rule: Rule | Correlation
    event: Mapping[str, Any]
    entity: str = ""
    """Taken from the event when empty."""
    whole: bool = True
    """Whether the event is all there, not only what is known of it."""

    @property
    def key(self) -> tuple[str, str]:
        """What makes the hit unique."""
        return self.rule.id, str(self.event["event.id"])

    @property
    def window(self) -> int:
        """How far from an alert's events it may be and still join."""
        return max(WINDOW, self.rule.timespan) if isinstance(self.rule, Correlation) else WINDOW

    @property
    def at(self) -> int:
        """When it happened."""
        return int(self.event["@timestamp"])


Group = tuple[str, str, str | None]
"""Rule, entity, agent."""


@dataclass(slots=True)
class _Work:
    """Alerts of one call, by group, those that are new, and those that gained an event, each once."""

    open: dict[Group, list[Alert]] = field(default_factory=lambda: defaultdict(list))
    new: list[Alert] = field(default_factory=list)
    touched: dict[Alert, None] = field(default_factory=dict)


def apply(
    session: Session,
    hits: Sequence[Hit],
    now: int,
    settings: Settings,
    quiet: Sequence[Rule] = (),
    *,
    hunt: int | None = None,
) -> list[int]:
    """Turn hits into alerts within the session's transaction; return the ids of alerts that gained an event.

    New alerts are put into the outbox in the same transaction, unless they are stale. `quiet` are matches of rules
    that give no alerts of their own; that they matched is noted. Those that a `hunt` makes are marked as found later,
    and not sent: a hunt sends one message about all of them.
    """
    if not hits and not quiet:
        return []
    lock(session)
    _note_rules(session, quiet, now)
    fresh = unknown(session, hits)
    if not fresh:
        return []
    work = _open_alerts(session, fresh)
    joined = [_join(work, hit, now) for hit in fresh]
    # All at once: in a storm of new alerts a round to the database for each would hold up everything behind them.
    session.add_all(work.new)
    session.flush()
    rows = [_row(alert, place, hit) for (alert, place), hit in zip(joined, fresh, strict=True)]
    _insert(session, AlertEvent, rows)
    _note_rules(session, [hit.rule for hit in fresh], now)
    _tell(session, work, now, hunt)
    if hunt is None:
        enqueue(session, [alert for alert in work.new if not _stale(alert, now)], settings, now)
    return sorted(alert.id for alert in work.touched)


def _stale(alert: Alert, now: int) -> bool:
    return alert.late and now - alert.last_event_at > STALE


def unknown(session: Session, hits: Sequence[Hit]) -> list[Hit]:
    """Return the hits that no alert has yet, each once, in the order in which they happened."""
    wanted = {hit.key: hit for hit in reversed(hits)}
    events = sorted({event for _, event in wanted})
    for start in range(0, len(events), _CHUNK):
        query = select(AlertEvent.rule_id, AlertEvent.event_id).where(
            AlertEvent.event_id.in_(events[start : start + _CHUNK])
        )
        for rule, event in session.execute(query):
            wanted.pop((rule, event), None)
    return sorted(wanted.values(), key=lambda hit: (hit.at, hit.key))


def _group(hit: Hit) -> Group:
    # Events of a correlation may come from several stations.
    agent = None if isinstance(hit.rule, Correlation) else text_of(hit.event, "agent.id")[:36] or None
    return hit.rule.id, hit.entity or entity_of(hit.event), agent


def _open_alerts(session: Session, hits: Sequence[Hit]) -> _Work:
    work = _Work()
    pairs = sorted({_group(hit)[:2] for hit in hits})
    window = max(hit.window for hit in hits)
    first, last = hits[0].at - window, hits[-1].at + window
    for start in range(0, len(pairs), _CHUNK):
        query = select(Alert).where(
            tuple_(Alert.rule_id, Alert.entity).in_(pairs[start : start + _CHUNK]),
            Alert.state != AlertState.CLOSED,
            Alert.last_event_at >= first,
            Alert.first_event_at <= last,
        )
        for alert in session.scalars(query.order_by(Alert.id).with_for_update()):
            work.open[alert.rule_id, alert.entity, alert.agent_id].append(alert)
    return work


def _join(work: _Work, hit: Hit, now: int) -> tuple[Alert, int]:
    """Return the alert that a hit belongs to, and its place among the alert's hits, from 1."""
    group = _group(hit)
    near = [
        alert
        for alert in work.open[group]
        if alert.first_event_at - hit.window <= hit.at <= alert.last_event_at + hit.window
    ]
    alert = near[-1] if near else _create(work, group, hit, now)
    alert.count += 1
    alert.first_event_at = min(alert.first_event_at, hit.at)
    alert.last_event_at = max(alert.last_event_at, hit.at)
    alert.updated_at = now
    work.touched[alert] = None
    return alert, alert.count


def _create(work: _Work, group: Group, hit: Hit, now: int) -> Alert:
    event, rule = hit.event, hit.rule
    alert = Alert(
        rule_id=rule.id,
        title=rule.title[:255],
        level=rule.level,
        entity=group[1],
        host=text_of(event, "host.name"),
        agent_id=group[2],
        user=account_of(event),
        process=text_of(event, "process.executable") or text_of(event, "process.name"),
        tags=list(rule.tags)[:50],
        rule_author=rule.author[:255],
        late=int(event.get("event.ingested", now)) - hit.at > LATE,
        first_event_at=hit.at,
        last_event_at=hit.at,
        created_at=now,
        updated_at=now,
        count=0,
        state=AlertState.NEW,
    )
    work.open[group].append(alert)
    work.new.append(alert)
    return alert


def _row(alert: Alert, place: int, hit: Hit) -> dict[str, Any]:
    return {
        "alert_id": alert.id,
        "rule_id": hit.rule.id,
        "event_id": str(hit.event["event.id"]),
        "event_at": hit.at,
        "event": snapshot(hit.event) if place <= SNAPSHOTS else {},
        "digest": event_digest(hit.event) if hit.whole else None,
    }


def snapshot(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event as JSON keeps it, with over-long texts cut."""
    return {
        key: value if type(value) is str and len(value) <= SNAPSHOT_TEXT else _cut(value)
        for key, value in event.items()
    }


def _cut(value: Any) -> Any:
    if isinstance(value, str) and len(value) > SNAPSHOT_TEXT:
        return value[:SNAPSHOT_TEXT] + "…"
    if isinstance(value, (tuple, list)):
        return [_cut(part) for part in value[:200]]
    return value


def _insert(session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that nobody needs as objects."""
    if rows:
        session.execute(insert(model.__table__), rows)  # type: ignore[arg-type]


def _note_rules(session: Session, rules: Iterable[Rule | Correlation], now: int) -> None:
    counted: dict[str, int] = defaultdict(int)
    for rule in rules:
        counted[rule.id] += 1
    rows = [{"rule_id": identity, "matched_at": now, "hits": count} for identity, count in counted.items()]
    add_up(session, RuleState, ("rule_id",), rows, latest=("matched_at",))


def _tell(session: Session, work: _Work, now: int, hunt: int | None) -> None:
    new = sorted({alert.id for alert in work.new})
    created = {"at": now, "who": "czujka", "action": "created", "detail": {} if hunt is None else {"hunt": hunt}}
    _insert(session, AlertHistory, [{"alert_id": number, **created} for number in new])
    if hunt is not None:
        _insert(session, HuntAlert, [{"alert_id": number, "hunt_id": hunt} for number in new])
    joined = {alert.id: "alert.updated" for alert in work.touched} | dict.fromkeys(new, "alert.new")
    _insert(session, Feed, [{"at": now, "kind": kind, "alert_id": number} for number, kind in sorted(joined.items())])


def events_counted(session: Session, alert_id: int) -> int:
    """Return how many events are kept for an alert; it always equals the alert's `count`."""
    return session.scalar(select(func.count()).where(AlertEvent.alert_id == alert_id)) or 0

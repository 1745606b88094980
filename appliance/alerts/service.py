"""What people do with alerts: find, read, acknowledge, take, assign, note, close, reopen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session, defer

from appliance.alerts.paging import page
from appliance.ops.operations import record
from appliance.state.hunts import HuntAlert, HuntRun
from appliance.state.models import (
    Alert,
    AlertEvent,
    AlertHistory,
    AlertState,
    Attempt,
    Feed,
    Outbox,
    Outcome,
    User,
)

NOTE_LENGTH = 4000
REASON_LENGTH = 2000
HISTORY_LIMIT = 1000
"""Entries after which an alert takes no more notes; closing always works."""
ROBOT = "token:"
"""What the name of who acts begins with where a token does."""
OPEN = frozenset({AlertState.NEW, AlertState.RECEIVED, AlertState.IN_PROGRESS})


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a login or `token:NAME`, and the person's id if it is a person."""

    who: str
    user_id: int | None = None


class UnknownAlert(LookupError):
    """There is no alert of this number."""


class NotAllowedNow(Exception):
    """The alert's state does not allow the action; `who` changed it last."""

    def __init__(self, state: AlertState, who: str) -> None:
        super().__init__(f"{state}: {who}")
        self.state = state
        self.who = who


class AlreadyTaken(NotAllowedNow):
    """Somebody else was first; `who` is their login."""


class HistoryFull(Exception):
    """The alert has HISTORY_LIMIT entries."""


class BadText(ValueError):
    """A note or a reason is empty or too long."""


class UnknownUser(LookupError):
    """The person to assign to does not exist or is disabled."""


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts; every part that is given must hold. Times in microseconds, `since` ≤ created < `until`."""

    states: frozenset[AlertState] = frozenset()
    min_level: int = 0
    levels: frozenset[int] = frozenset()
    rule_id: str | None = None
    host: str | None = None
    entity: str | None = None
    agent_id: str | None = None
    owner_id: int | None = None
    late: bool | None = None
    found_later: bool | None = None
    """Whether a hunt made it."""
    hunt_id: int | None = None
    """The hunt that made it."""
    since: int | None = None
    until: int | None = None
    text: str | None = None
    """Part of the title, host, account or process, any case."""


@dataclass(frozen=True, slots=True)
class AlertPage:
    """Alerts, newest first, and the cursor of the next page."""

    items: list[Alert]
    next: str | None


def list_alerts(session: Session, wanted: AlertFilter, after: str | None, limit: int) -> AlertPage:
    """Return a page of alerts, newest first. Raises BadCursor."""
    query = select(Alert).where(*_conditions(wanted))
    return AlertPage(*page(session, query, [Alert.created_at, Alert.id], after, limit))


def count_alerts(session: Session, wanted: AlertFilter) -> int:
    """Return how many alerts there are."""
    return session.scalar(select(func.count()).select_from(Alert).where(*_conditions(wanted))) or 0


def counts(session: Session, wanted: AlertFilter) -> dict[tuple[AlertState, int], int]:
    """Return the number of alerts by state and level."""
    query = (
        select(Alert.state, Alert.level, func.count()).where(*_conditions(wanted)).group_by(Alert.state, Alert.level)
    )
    return {(AlertState(state), level): number for state, level, number in session.execute(query)}


def _conditions(wanted: AlertFilter) -> list[ColumnElement[bool]]:
    equal = {
        Alert.rule_id: wanted.rule_id,
        Alert.host: wanted.host,
        Alert.entity: wanted.entity,
        Alert.agent_id: wanted.agent_id,
        Alert.owner_id: wanted.owner_id,
        Alert.late: wanted.late,
    }
    found: list[ColumnElement[bool]] = [column == value for column, value in equal.items() if value is not None]
    if wanted.found_later is not None:
        later = exists().where(HuntAlert.alert_id == Alert.id)
        found.append(later if wanted.found_later else ~later)
    if wanted.hunt_id is not None:
        found.append(exists().where(HuntAlert.alert_id == Alert.id, HuntAlert.hunt_id == wanted.hunt_id))
    if wanted.states:
        found.append(Alert.state.in_(wanted.states))
    if wanted.levels:
        found.append(Alert.level.in_(wanted.levels))
    if wanted.min_level:
        found.append(Alert.level >= wanted.min_level)
    if wanted.since is not None:
        found.append(Alert.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(Alert.created_at < wanted.until)
    if wanted.text:
        places = (Alert.title, Alert.host, Alert.user, Alert.process)
        found.append(or_(*(place.icontains(wanted.text, autoescape=True) for place in places)))
    return found


def get_alert(session: Session, alert_id: int) -> Alert:
    """Return an alert. Raises UnknownAlert."""
    alert = session.get(Alert, alert_id)
    if alert is None:
        raise UnknownAlert(alert_id)
    return alert


def events_of(session: Session, alert_id: int, after: str | None, limit: int) -> tuple[list[AlertEvent], str | None]:
    """Return the events an alert rests on, in their own order, and the next cursor. Raises BadCursor."""
    query = select(AlertEvent).where(AlertEvent.alert_id == alert_id)
    return page(session, query, [AlertEvent.event_at, AlertEvent.id], after, limit, descending=False)


def history_of(session: Session, alert_id: int) -> list[AlertHistory]:
    """Return who did what with an alert, oldest first."""
    query = select(AlertHistory).where(AlertHistory.alert_id == alert_id).order_by(AlertHistory.id)
    return list(session.scalars(query.limit(HISTORY_LIMIT * 2)))


def deliveries_of(session: Session, alert_id: int) -> list[tuple[Outbox, list[Attempt]]]:
    """Return the messages about an alert, each with its tries, oldest first."""
    messages = list(session.scalars(select(Outbox).where(Outbox.alert_id == alert_id).order_by(Outbox.id)))
    tries: dict[int, list[Attempt]] = {message.id: [] for message in messages}
    for attempt in session.scalars(select(Attempt).where(Attempt.outbox_id.in_(tries)).order_by(Attempt.id)):
        tries[attempt.outbox_id].append(attempt)
    return [(message, tries[message.id]) for message in messages]


def owners(session: Session, alerts: Iterable[Alert]) -> dict[int, User]:
    """Return the people who have these alerts, by id."""
    wanted = {alert.owner_id for alert in alerts if alert.owner_id is not None}
    return {user.id: user for user in session.scalars(select(User).where(User.id.in_(wanted)))} if wanted else {}


def found_later(session: Session, alerts: Iterable[Alert]) -> dict[int, HuntRun]:
    """Return the hunts, without their rules, that made alerts, by the alerts' ids."""
    query = (
        select(HuntAlert.alert_id, HuntRun)
        .options(defer(HuntRun.rules), defer(HuntRun.by_rule))
        .join(HuntRun, HuntRun.id == HuntAlert.hunt_id)
        .where(HuntAlert.alert_id.in_([alert.id for alert in alerts]))
    )
    return dict(session.execute(query).all())


def assignable(session: Session) -> Sequence[User]:
    """Return the people who may be given an alert."""
    query = select(User).where(User.disabled.is_(False), User.role != "auditor").order_by(User.name, User.id)
    return session.scalars(query).all()


def acknowledge(session: Session, alert_id: int, actor: Actor, now: int) -> Alert:
    """Say that somebody has seen a new alert; a second time by the same actor changes nothing.

    Raises UnknownAlert, AlreadyTaken (with who was first), NotAllowedNow.
    """
    alert = _locked(session, alert_id)
    if alert.state != AlertState.NEW:
        if _last_actor(session, alert, "acknowledged", "taken") == actor.who and alert.state != AlertState.CLOSED:
            return alert
        raise _refusal(session, alert)
    alert.received_at = alert.received_at or now
    return _changed(session, alert, actor, now, "acknowledged", state=AlertState.RECEIVED)


def take(session: Session, alert_id: int, actor: Actor, now: int) -> Alert:
    """Take an alert over; a second time by the same person changes nothing.

    Raises UnknownAlert, UnknownUser (a token cannot take), AlreadyTaken, NotAllowedNow.
    """
    alert = _locked(session, alert_id)
    if actor.user_id is None:
        raise UnknownUser(actor.who)
    if alert.state == AlertState.CLOSED or alert.owner_id not in {None, actor.user_id}:
        raise _refusal(session, alert)
    if alert.owner_id == actor.user_id and alert.state == AlertState.IN_PROGRESS:
        return alert
    alert.owner_id = actor.user_id
    alert.received_at = alert.received_at or now
    return _changed(session, alert, actor, now, "taken", state=AlertState.IN_PROGRESS)


def assign(session: Session, alert_id: int, actor: Actor, user_id: int, now: int) -> Alert:
    """Give an open alert to a person, also when somebody else has it.

    Raises UnknownAlert, UnknownUser, NotAllowedNow.
    """
    alert = _locked(session, alert_id)
    user = session.get(User, user_id)
    if user is None or user.disabled or user.role == "auditor":
        raise UnknownUser(str(user_id))
    if alert.state == AlertState.CLOSED:
        raise _refusal(session, alert)
    if alert.owner_id == user.id and alert.state == AlertState.IN_PROGRESS:
        return alert
    alert.owner_id = user.id
    alert.received_at = alert.received_at or now
    return _changed(session, alert, actor, now, "assigned", state=AlertState.IN_PROGRESS, detail={"to": user.login})


def note(session: Session, alert_id: int, actor: Actor, text: str, now: int) -> Alert:
    """Add a note, in any state. Raises UnknownAlert, HistoryFull, BadText."""
    alert = _locked(session, alert_id)
    _refuse_full(session, alert)
    detail = {"text": _bounded(text, NOTE_LENGTH)}
    return _changed(session, alert, actor, now, "noted", state=AlertState(alert.state), detail=detail)


def close(  # noqa: PLR0917 - who, which, how, why and when, as of every act
    session: Session, alert_id: int, actor: Actor, outcome: Outcome, reason: str, now: int
) -> Alert:
    """Close an open alert with an outcome and a reason.

    Raises UnknownAlert, AlreadyTaken when somebody else has it, NotAllowedNow, BadText.
    """
    alert = _locked(session, alert_id)
    reason = _bounded(reason, REASON_LENGTH)
    if alert.state == AlertState.CLOSED or alert.owner_id not in {None, actor.user_id}:
        raise _refusal(session, alert)
    alert.outcome, alert.reason, alert.closed_at = outcome, reason, now
    alert.received_at = alert.received_at or now
    detail = {"outcome": outcome.value, "reason": reason}
    return _changed(session, alert, actor, now, "closed", state=AlertState.CLOSED, detail=detail)


def reopen(session: Session, alert_id: int, actor: Actor, reason: str, now: int) -> Alert:
    """Open a closed alert again: it goes to who reopens it, or back to `received` when a token does.

    Raises UnknownAlert, NotAllowedNow, BadText.
    """
    alert = _locked(session, alert_id)
    reason = _bounded(reason, REASON_LENGTH)
    if alert.state != AlertState.CLOSED:
        raise _refusal(session, alert)
    detail = {"reason": reason, "outcome": alert.outcome}
    alert.outcome, alert.reason, alert.closed_at = None, "", None
    alert.owner_id = actor.user_id
    state = AlertState.RECEIVED if actor.user_id is None else AlertState.IN_PROGRESS
    return _changed(session, alert, actor, now, "reopened", state=state, detail=detail)


def _locked(session: Session, alert_id: int) -> Alert:
    alert = session.scalar(select(Alert).where(Alert.id == alert_id).with_for_update())
    if alert is None:
        raise UnknownAlert(alert_id)
    return alert


def _changed(
    session: Session,
    alert: Alert,
    actor: Actor,
    now: int,
    action: str,
    *,
    state: AlertState,
    detail: dict[str, Any] | None = None,
) -> Alert:
    alert.state, alert.updated_at = state, now
    session.add(AlertHistory(alert_id=alert.id, at=now, who=actor.who, action=action, detail=detail or {}))
    session.add(Feed(at=now, kind="alert.updated", alert_id=alert.id))
    record(session, actor.who, f"alert.{action}", alert.id, now)
    session.flush()
    return alert


def _refusal(session: Session, alert: Alert) -> NotAllowedNow:
    state = AlertState(alert.state)
    if state in {AlertState.RECEIVED, AlertState.IN_PROGRESS}:
        owner = session.get(User, alert.owner_id) if alert.owner_id is not None else None
        return AlreadyTaken(state, owner.login if owner else _last_actor(session, alert))
    return NotAllowedNow(state, _last_actor(session, alert))


def _last_actor(session: Session, alert: Alert, *actions: str) -> str:
    query = select(AlertHistory.who).where(AlertHistory.alert_id == alert.id, AlertHistory.action != "noted")
    if actions:
        query = query.where(AlertHistory.action.in_(actions))
    return session.scalar(query.order_by(AlertHistory.id.desc()).limit(1)) or "czujka"


def _refuse_full(session: Session, alert: Alert) -> None:
    count = select(func.count()).select_from(AlertHistory).where(AlertHistory.alert_id == alert.id)
    if (session.scalar(count) or 0) >= HISTORY_LIMIT:
        raise HistoryFull


def _bounded(text: str, length: int) -> str:
    text = text.strip()
    if not 1 <= len(text) <= length:
        raise BadText(f"1 to {length} characters")
    return text

"""Alerts: lists, one alert with its events, history and explanation, and what people do with it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from appliance.alerts import service
from appliance.alerts.grouping import SNAPSHOTS
from appliance.alerts.service import AlertFilter
from appliance.state.database import writing
from appliance.state.models import Alert, AlertEvent, AlertState, Outcome
from appliance.web.api.common import LARGEST, After, Answer, Limit, Moment, Name, Number, Page, api_router
from appliance.web.auth import Principal, needs, require
from appliance.web.context import Box
from appliance.web.explaining import explain_alert
from appliance.web.policy import Permission
from appliance.web.problem import Problem

router = api_router("alerts")
Actor = Annotated[Principal, Depends(require(Permission.ALERTS_ACT))]


class AlertAnswer(Answer):
    """An alert. Times are microseconds since the epoch; levels 0 informational … 4 critical."""

    id: int
    rule_id: str
    title: str
    level: int
    entity: str
    host: str
    agent_id: str | None
    user: str
    process: str
    tags: list[str]
    rule_author: str
    late: bool
    first_event_at: int
    last_event_at: int
    created_at: int
    updated_at: int
    count: int
    state: AlertState
    received_at: int | None
    closed_at: int | None
    outcome: Outcome | None
    reason: str
    owner: str | None
    """Login of the person who has it."""
    hunt: int | None
    """The hunt that made it, later than its events arrived; null for what was found at once."""


class EventAnswer(Answer):
    """An event an alert rests on; `event` is null past the first 200, which the event store has."""

    event_id: str
    event_at: int
    event: dict[str, Any] | None


class HistoryAnswer(Answer):
    """One thing that was done with an alert."""

    id: int
    at: int
    who: str
    action: str
    detail: dict[str, Any]


class AttemptAnswer(Answer):
    """One try to deliver a message."""

    at: int
    ok: bool
    detail: str


class DeliveryAnswer(Answer):
    """A message about an alert."""

    channel: str
    target: str
    state: str
    tries: int
    next_at: int
    attempts: list[AttemptAnswer]


class NoteBody(BaseModel):
    """A note."""

    text: str = Field(min_length=1, max_length=service.NOTE_LENGTH)


class ReasonBody(BaseModel):
    """Why."""

    reason: str = Field(min_length=1, max_length=service.REASON_LENGTH)


class CloseBody(ReasonBody):
    """How an alert ends."""

    outcome: Outcome


class AssignBody(BaseModel):
    """Who gets an alert."""

    user_id: int = Field(ge=1, le=LARGEST)


def answer(session: Session, alert: Alert) -> AlertAnswer:
    """Return an alert as the API shows it."""
    return answers(session, [alert])[0]


def answers(session: Session, alerts: list[Alert]) -> list[AlertAnswer]:
    """Return alerts as the API shows them."""
    people = service.owners(session, alerts)
    names = {number: user.login for number, user in people.items()}
    hunts = {number: hunt.id for number, hunt in service.found_later(session, alerts).items()}
    fields = AlertAnswer.model_fields.keys() - {"owner", "hunt"}
    return [
        AlertAnswer(
            **{name: getattr(alert, name) for name in fields},
            owner=names.get(alert.owner_id or 0),
            hunt=hunts.get(alert.id),
        )
        for alert in alerts
    ]


def filter_of(
    *,
    state: Annotated[tuple[AlertState, ...], Query(max_length=4)] = (),
    level: Annotated[tuple[Annotated[int, Field(ge=0, le=4)], ...], Query(max_length=5)] = (),
    min_level: Annotated[int, Query(ge=0, le=4)] = 0,
    rule: Name = None,
    host: Name = None,
    entity: Name = None,
    agent: Name = None,
    owner: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
    late: bool | None = None,
    found_later: bool | None = None,
    hunt: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
    since: Annotated[Moment | None, Query(alias="from")] = None,
    until: Annotated[Moment | None, Query(alias="to")] = None,
    text: Annotated[str | None, Query(max_length=200)] = None,
) -> AlertFilter:
    """Return the filter that a request's parameters describe."""
    return AlertFilter(
        states=frozenset(state),
        levels=frozenset(level),
        min_level=min_level,
        rule_id=rule,
        host=host,
        entity=entity,
        agent_id=agent,
        owner_id=owner,
        late=late,
        found_later=found_later,
        hunt_id=hunt,
        since=since,
        until=until,
        text=text,
    )


Filter = Annotated[AlertFilter, Depends(filter_of)]


@router.get("/alerts", dependencies=needs(Permission.ALERTS_READ))
def list_alerts(context: Box, wanted: Filter, after: After = None, limit: Limit = 50) -> Page[AlertAnswer]:
    """Return alerts, newest first."""
    with context.sessions() as session:
        page = service.list_alerts(session, wanted, after, limit)
        return Page(items=answers(session, page.items), next=page.next)


@router.get("/alerts/{alert_id}", dependencies=needs(Permission.ALERTS_READ))
def get_alert(context: Box, alert_id: Number) -> AlertAnswer:
    """Return one alert."""
    with context.sessions() as session:
        return answer(session, service.get_alert(session, alert_id))


@router.get("/alerts/{alert_id}/events", dependencies=needs(Permission.ALERTS_READ))
def get_events(context: Box, alert_id: Number, after: After = None, limit: Limit = 100) -> Page[EventAnswer]:
    """Return the events an alert rests on, in the order in which they happened."""
    with context.sessions() as session:
        service.get_alert(session, alert_id)
        rows, following = service.events_of(session, alert_id, after, limit)
    return Page(items=[_event(row) for row in rows], next=following)


def _event(row: AlertEvent) -> EventAnswer:
    return EventAnswer(event_id=row.event_id, event_at=row.event_at, event=row.event or None)


@router.get("/alerts/{alert_id}/history", dependencies=needs(Permission.ALERTS_READ))
def get_history(context: Box, alert_id: Number) -> list[HistoryAnswer]:
    """Return who did what with an alert, oldest first."""
    with context.sessions() as session:
        service.get_alert(session, alert_id)
        return [HistoryAnswer.model_validate(row) for row in service.history_of(session, alert_id)]


@router.get("/alerts/{alert_id}/deliveries", dependencies=needs(Permission.ALERTS_READ))
def get_deliveries(context: Box, alert_id: Number) -> list[DeliveryAnswer]:
    """Return the messages about an alert with every try to deliver them."""
    with context.sessions() as session:
        service.get_alert(session, alert_id)
        return [
            DeliveryAnswer(
                channel=message.channel,
                target=message.target,
                state=message.state,
                tries=message.tries,
                next_at=message.next_at,
                attempts=[AttemptAnswer.model_validate(attempt) for attempt in attempts],
            )
            for message, attempts in service.deliveries_of(session, alert_id)
        ]


@router.get("/alerts/{alert_id}/explanation", dependencies=needs(Permission.ALERTS_READ))
def get_explanation(context: Box, alert_id: Number) -> dict[str, Any]:
    """Return why the alert's rule matched its first event: the condition as a tree with the truth of each part.

    For a correlation: what correlated among its first 200 events, rule by rule.
    """
    with context.sessions() as session:
        alert = service.get_alert(session, alert_id)
        rows, _ = service.events_of(session, alert_id, None, SNAPSHOTS)
    return explain_alert(context, alert, rows)


@router.post("/alerts/{alert_id}/acknowledge")
def acknowledge(context: Box, who: Actor, alert_id: Number) -> AlertAnswer:
    """Confirm that somebody has seen a new alert."""
    with writing(context.sessions) as session:
        alert = service.acknowledge(session, alert_id, who.actor, context.now())
        return answer(session, alert)


@router.post("/alerts/{alert_id}/take")
def take(context: Box, who: Actor, alert_id: Number) -> AlertAnswer:
    """Take an alert; only a person can."""
    if who.user_id is None:
        raise Problem(409, "needs_person")
    with writing(context.sessions) as session:
        alert = service.take(session, alert_id, who.actor, context.now())
        return answer(session, alert)


@router.post("/alerts/{alert_id}/assign")
def assign(context: Box, who: Actor, alert_id: Number, body: AssignBody) -> AlertAnswer:
    """Give an alert to a person."""
    with writing(context.sessions) as session:
        alert = service.assign(session, alert_id, who.actor, body.user_id, context.now())
        return answer(session, alert)


@router.post("/alerts/{alert_id}/note")
def note(context: Box, who: Actor, alert_id: Number, body: NoteBody) -> AlertAnswer:
    """Add a note."""
    with writing(context.sessions) as session:
        alert = service.note(session, alert_id, who.actor, body.text, context.now())
        return answer(session, alert)


@router.post("/alerts/{alert_id}/close")
def close(context: Box, who: Actor, alert_id: Number, body: CloseBody) -> AlertAnswer:
    """Close an alert with an outcome and a reason."""
    with writing(context.sessions) as session:
        alert = service.close(session, alert_id, who.actor, body.outcome, body.reason, context.now())
        return answer(session, alert)


@router.post("/alerts/{alert_id}/reopen")
def reopen(context: Box, who: Actor, alert_id: Number, body: ReasonBody) -> AlertAnswer:
    """Open a closed alert again."""
    with writing(context.sessions) as session:
        alert = service.reopen(session, alert_id, who.actor, body.reason, context.now())
        return answer(session, alert)

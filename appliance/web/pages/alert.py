"""One alert `/alerty/{id}` and what people do with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Form, Path, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.alerts import service
from appliance.alerts.service import AlertFilter
from appliance.detect import Rule, explain
from appliance.state.database import writing
from appliance.state.models import Alert, AlertEvent, AlertHistory, Attempt, Outbox, Outcome
from appliance.store import QueryTimeout, StoreUnavailable
from appliance.web.auth import Principal, require
from appliance.web.context import Box, Context
from appliance.web.explaining import rule_of, thaw
from appliance.web.pages.cardview import card_of, own_title, phones_of
from appliance.web.pages.render import catalogue
from appliance.web.pages.shell import back_to, page, safe_back
from appliance.web.pages.views import alert as view
from appliance.web.pages.views.alerts import alert_row
from appliance.web.pages.views.events import Event, term
from appliance.web.policy import Permission
from appliance.web.problem import Problem

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, Depends(require(Permission.ALERTS_READ))]
Actor = Annotated[Principal, Depends(require(Permission.ALERTS_ACT))]
AlertId = Annotated[int, Path(ge=1, le=(1 << 63) - 1)]
Text = Annotated[str, Form(max_length=4000)]
EVIDENCE = 50
NEIGHBOURS = 5
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the history; `key` is a catalogue key."""

    at: int
    key: str
    who: str
    to: str
    outcome: str
    text: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message about the alert with its tries."""

    channel: str
    target: str
    state: str
    kind: str
    attempts: tuple[Attempt, ...]


@router.get("/alerty/{alert_id}")
def show(request: Request, context: Box, who: Reader, alert_id: AlertId) -> Response:
    """Show one alert."""
    return _page(request, context, who, alert_id)


def _page(
    request: Request,
    context: Context,
    who: Principal,
    alert_id: int,
    /,
    status: int = 200,
    fault: str = "",
    shut: str = "",
) -> Response:
    with context.sessions() as session:
        try:
            alert = service.get_alert(session, alert_id)
        except service.UnknownAlert as error:
            raise Problem(404, "alert_unknown") from error
        values = _values(context, session, alert, who)
    return page(
        request, context, who, "alerts", "alert.html", status=status, alert=alert, fault=fault, open=shut, **values
    )


def _values(context: Context, session: Session, alert: Alert, who: Principal) -> dict[str, Any]:
    rows, more = service.events_of(session, alert.id, None, EVIDENCE)
    rule = rule_of(context, alert.rule_id)
    first = thaw(rows[0].event) if rows and rows[0].event else {}
    card = card_of(
        alert, rule, [thaw(row.event) for row in reversed(rows) if row.event], context.settings.office, who.language
    )
    owner = service.owners(session, [alert]).get(alert.owner_id or 0)
    people = (
        [(str(user.id), user.name) for user in service.assignable(session)] if who.may(Permission.ALERTS_ACT) else []
    )
    return {
        "nr": str(alert.id),
        "title": card.title if card else alert.title,
        "card": card,
        "phones": phones_of(context.settings.office),
        "owner": owner.name if owner else "",
        "mine": who.user_id is not None and alert.owner_id == who.user_id,
        "outcomes": list(Outcome),
        "people": people,
        "chain": _chain(context, first),
        "condition": _condition(rule, first),
        "rule_title": rule.title if rule else alert.rule_id,
        "evidence": view.evidence([(row.event_id, row.event_at, row.event or {}) for row in rows]),
        "more_events": more is not None,
        "first_event": rows[0].event_id if rows else "",
        "history": [_entry(one) for one in service.history_of(session, alert.id) if one.action != "created"],
        "deliveries": [_delivery(outbox, tries) for outbox, tries in service.deliveries_of(session, alert.id)],
        "host_query": term("host.name", alert.host),
        "techniques": _techniques(alert.tags),
        **_neighbours(session, alert, who.language),
    }


def _chain(context: Context, event: Event) -> view.Process | None:
    if not event:
        return None
    try:
        ancestors = context.store.process_chain(dict(event))
    except (QueryTimeout, StoreUnavailable):
        _log.exception("process_chain_failed", event=event.get("event.id"))
        ancestors = []
    return view.chain(ancestors, event)


def _condition(rule: Rule | None, event: Event) -> view.Condition | None:
    return view.condition(explain(rule, event)) if rule is not None and event else None


def _techniques(tags: list[str]) -> list[str]:
    return [tag.removeprefix("attack.").upper() for tag in tags if tag.startswith("attack.t") and tag[8:9].isdigit()]


def _entry(row: AlertHistory) -> Entry:
    key = f"history.{row.action}"
    detail = row.detail or {}
    return Entry(
        row.at,
        key if key in catalogue() else "history.other",
        row.who,
        str(detail.get("to", "")),
        str(detail.get("outcome") or "") if row.action == "closed" else "",
        str(detail.get("text") or detail.get("reason") or ""),
    )


def _delivery(outbox: Outbox, tries: list[Attempt]) -> Delivery:
    kind = {"delivered": "ok", "waiting": "late"}.get(outbox.state, "bad")
    channel = outbox.channel if f"channel.{outbox.channel}" in catalogue() else "other"
    return Delivery(channel, outbox.target, outbox.state, kind, tuple(tries))


def _neighbours(session: Session, alert: Alert, lang: str) -> dict[str, Any]:
    near = select(Alert).where(Alert.host == alert.host, Alert.id != alert.id).order_by(Alert.id.desc())
    return {
        "same_rule": service.count_alerts(session, AlertFilter(rule_id=alert.rule_id)),
        "same_host": service.count_alerts(session, AlertFilter(host=alert.host)),
        "neighbours": [
            alert_row(one, {}, own_title(one.rule_id, lang)) for one in session.scalars(near.limit(NEIGHBOURS))
        ],
    }


def _act(
    request: Request,
    context: Context,
    who: Principal,
    alert_id: int,
    change: Callable[[Session, int], Alert],
    done: str,
    back: str = "",
) -> Response:
    """Do one thing with an alert and return to it, or say why it was not done."""
    try:
        with writing(context.sessions) as session:
            change(session, context.now())
    except service.UnknownAlert as error:
        raise Problem(404, "alert_unknown") from error
    except service.NotAllowedNow as error:
        key = "alert.taken_by" if isinstance(error, service.AlreadyTaken) else "alert.not_now"
        state = catalogue().text(f"state.{error.state}", who.language)
        return _refused(
            request, context, who, alert_id, catalogue().text(key, who.language, who=error.who, state=state)
        )
    except service.UnknownUser:
        return _refused(request, context, who, alert_id, catalogue().text("alert.no_person", who.language))
    except service.HistoryFull:
        return _refused(request, context, who, alert_id, catalogue().text("alert.full", who.language))
    except ValueError:
        return _refused(request, context, who, alert_id, catalogue().text("alert.no_text", who.language), 422)
    return back_to(safe_back(back, f"/alerty/{alert_id}"), done)


def _refused(
    request: Request, context: Context, who: Principal, alert_id: int, fault: str, status: int = 409
) -> Response:
    return _page(request, context, who, alert_id, status=status, fault=fault)


@router.post("/alerty/{alert_id}/odbior")
def acknowledge(request: Request, context: Box, who: Actor, alert_id: AlertId, back: str = Form("")) -> Response:
    """Say that somebody has seen the alert."""
    return _act(
        request,
        context,
        who,
        alert_id,
        lambda session, now: service.acknowledge(session, alert_id, who.actor, now),
        "acknowledged",
        back,
    )


@router.post("/alerty/{alert_id}/przejmij")
def take(request: Request, context: Box, who: Actor, alert_id: AlertId) -> Response:
    """Take the alert over."""
    return _act(
        request,
        context,
        who,
        alert_id,
        lambda session, now: service.take(session, alert_id, who.actor, now),
        "taken",
    )


@router.post("/alerty/{alert_id}/przydziel")
def assign(request: Request, context: Box, who: Actor, alert_id: AlertId, user_id: int = Form(0)) -> Response:
    """Give the alert to a person."""
    return _act(
        request,
        context,
        who,
        alert_id,
        lambda session, now: service.assign(session, alert_id, who.actor, user_id, now),
        "assigned",
    )


@router.post("/alerty/{alert_id}/notatka")
def note(request: Request, context: Box, who: Actor, alert_id: AlertId, text: Text = "") -> Response:
    """Add a note."""
    return _act(
        request,
        context,
        who,
        alert_id,
        lambda session, now: service.note(session, alert_id, who.actor, text, now),
        "noted",
    )


@router.post("/alerty/{alert_id}/zamknij")
def close(
    request: Request, context: Box, who: Actor, alert_id: AlertId, outcome: Text = "", reason: Text = ""
) -> Response:
    """Close the alert with an outcome and a reason."""
    if outcome not in set(Outcome) or not reason.strip() or len(reason) > service.REASON_LENGTH:
        fault = catalogue().text("alert.no_reason", who.language)
        return _page(request, context, who, alert_id, status=422, fault=fault, shut="close")
    return _act(
        request,
        context,
        who,
        alert_id,
        lambda session, now: service.close(session, alert_id, who.actor, Outcome(outcome), reason, now),
        "closed",
    )


@router.post("/alerty/{alert_id}/otworz")
def reopen(request: Request, context: Box, who: Actor, alert_id: AlertId, reason: Text = "") -> Response:
    """Open a closed alert again."""
    return _act(
        request,
        context,
        who,
        alert_id,
        lambda session, now: service.reopen(session, alert_id, who.actor, reason, now),
        "reopened",
    )


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

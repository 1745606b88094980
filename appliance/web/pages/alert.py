"""One alert `/alerty/{id}`: what it shows, and the parts that change while it is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.alerts import service
from appliance.alerts.service import AlertFilter
from appliance.detect import Rule, Tree, explain
from appliance.detect.correlation import Correlation
from appliance.detect.flips import flips
from appliance.detect.values import thaw
from appliance.rulesets.content import Kind
from appliance.slices.look import INSTALL
from appliance.state.models import Alert, AlertEvent, AlertHistory, Attempt, Outbox, Outcome
from appliance.web.api.common import Number
from appliance.web.api.indicators import answer as indicator
from appliance.web.auth import Principal, require
from appliance.web.context import Box, Context
from appliance.web.explaining import content_of, listing_of, what_correlated
from appliance.web.indicated import indicated
from appliance.web.pages.cardview import card_of, has_own_card, own_title, phones_of
from appliance.web.pages.packetview import packets_of
from appliance.web.pages.process_tree import BESIDE, grown
from appliance.web.pages.render import catalogue, render
from appliance.web.pages.shell import page, shell
from appliance.web.pages.views import alert as view
from appliance.web.pages.views.alerts import alert_row
from appliance.web.pages.views.correlation import Correlated, correlated
from appliance.web.pages.views.events import term
from appliance.web.policy import Permission
from appliance.web.problem import Problem

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, Depends(require(Permission.ALERTS_READ))]
EVIDENCE = 50
NEIGHBOURS = 5


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
def show(request: Request, context: Box, who: Reader, alert_id: Number) -> Response:
    """Show one alert."""
    return alert_page(request, context, who, alert_id)


@router.get("/alerty/{alert_id}/na-zywo")
def live(
    request: Request, context: Box, who: Reader, alert_id: Number, bylo: Annotated[int, Query(ge=0, le=1 << 31)] = 0
) -> Response:
    """Return what changed since the reader saw `bylo` lines of history: state, owner, history, a line that says so."""
    with context.sessions() as session:
        found = _found(session, alert_id)
        values = {"alert": found, "title": own_title(found.rule_id, who.language) or found.title}
        values |= {"before": bylo, **_course(session, found)}
        frame = shell(request, context, who, "alerts")
        return HTMLResponse(render("alert_live.html", who.language, frame.now, {"shell": frame, **values}))


def _found(session: Session, alert_id: int) -> Alert:
    try:
        return service.get_alert(session, alert_id)
    except service.UnknownAlert as error:
        raise Problem(404, "alert_unknown", values={"id": alert_id}) from error


def alert_page(
    request: Request,
    context: Context,
    who: Principal,
    alert_id: int,
    /,
    status: int = 200,
    fault: str = "",
    shut: str = "",
) -> Response:
    """Return the page; `fault` says why an act was not done, `shut` names the panel to leave open."""
    with context.sessions() as session:
        alert = _found(session, alert_id)
        values = _values(context, session, alert, who)
    return page(
        request, context, who, "alerts", "alert.html", status=status, alert=alert, fault=fault, open=shut, **values
    )


def _values(context: Context, session: Session, alert: Alert, who: Principal) -> dict[str, Any]:
    rows, more = service.events_of(session, alert.id, None, EVIDENCE)
    rule = content_of(context, alert.rule_id)
    first = thaw(rows[0].event) if rows and rows[0].event else {}
    tree = explain(rule, first) if isinstance(rule, Rule) and first else None
    card = card_of(
        alert, rule, [thaw(row.event) for row in reversed(rows) if row.event], context.settings.office, who.language
    )
    people = (
        [(str(user.id), user.name) for user in service.assignable(session)] if who.may(Permission.ALERTS_ACT) else []
    )
    return {
        "nr": str(alert.id),
        "hunt": service.found_later(session, [alert]).get(alert.id),
        "title": card.title if card and has_own_card(alert.rule_id) else alert.title,
        "card": card,
        "phones": phones_of(context.settings.office),
        "mine": who.user_id is not None and alert.owner_id == who.user_id,
        "outcomes": list(Outcome),
        "people": people,
        "tree": grown(context, session, first, BESIDE) if first else None,
        **_explained(tree),
        "indicated": _indicated(context, session, rule, tree, rows),
        "correlated": _correlated(context, rule, rows, who.language),
        "credit": _credit(context, alert.rule_id, who.language),
        "rule_title": own_title(alert.rule_id, who.language) or (rule.title if rule else alert.rule_id),
        "install": INSTALL,
        "packets": packets_of(context, session, who, [(row.event_id, row.event or {}) for row in rows]),
        "evidence": view.evidence([(row.event_id, row.event_at, row.event or {}) for row in rows]),
        "more_events": more is not None,
        "first_event": rows[0].event_id if rows else "",
        "deliveries": [_delivery(outbox, tries) for outbox, tries in service.deliveries_of(session, alert.id)],
        "host_query": term("host.name", alert.host),
        "techniques": _techniques(alert.tags),
        **_course(session, alert),
        **_neighbours(session, alert, who.language),
    }


def _course(session: Session, alert: Alert) -> dict[str, Any]:
    """Return what people have done with the alert so far."""
    owner = service.owners(session, [alert]).get(alert.owner_id or 0)
    history = [_entry(one) for one in service.history_of(session, alert.id) if one.action != "created"]
    return {"owner": owner.name if owner else "", "history": history}


def _explained(tree: Tree | None) -> dict[str, Any]:
    """Return the condition, and what would have to change when the rule of today does not match."""
    if tree is None:
        return {"condition": None, "changes": []}
    changes = [] if tree.truth else flips(tree) or []
    return {"condition": view.condition(tree), "changes": [view.condition(leaf) for leaf in changes]}


def _indicated(
    context: Context, session: Session, rule: Rule | Correlation | None, tree: Tree | None, rows: list[AlertEvent]
) -> dict[str, Any]:
    """Return the indicators that the rule found, and what of the events no list has any more."""
    found = indicated(session, rule, tree, rows)
    if found is None:
        return {"kept": [], "gone": ()}
    return {"kept": [indicator(one, context.now()) for one in found.kept], "gone": found.gone}


def _correlated(
    context: Context, rule: Rule | Correlation | None, rows: list[AlertEvent], language: str
) -> Correlated | None:
    if not isinstance(rule, Correlation):
        return None
    found = what_correlated(context, rule, rows)
    return correlated(rule, found, language, own_title) if found else None


def _credit(context: Context, rule_id: str, language: str) -> dict[str, str]:
    """Return where the alert's rule is from, which the licences of rules want told with what they find."""
    one = listing_of(context, rule_id)
    say = catalogue().text
    if one is None:
        nothing = say("rules.nobody", language)
        return {"origin": nothing, "licence": nothing}
    origin = one.origin.label if one.origin.kind is Kind.IMPORTED else say(f"rules.origin.{one.origin.kind}", language)
    return {"origin": origin, "licence": one.licence or say("rules.nobody", language)}


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

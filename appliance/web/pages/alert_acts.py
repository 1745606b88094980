"""What people do with an alert: acknowledge, take, assign, note, close, reopen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from sqlalchemy.orm import Session

from appliance.alerts import service
from appliance.state.database import writing
from appliance.state.models import Alert, Outcome
from appliance.web.auth import Principal, require
from appliance.web.context import Box, Context
from appliance.web.pages.alert import AlertId, alert_page
from appliance.web.pages.render import catalogue
from appliance.web.pages.shell import back_to, safe_back
from appliance.web.policy import Permission
from appliance.web.problem import Problem

router = APIRouter(include_in_schema=False)
Actor = Annotated[Principal, Depends(require(Permission.ALERTS_ACT))]
Text = Annotated[str, Form(max_length=4000)]


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
        raise Problem(404, "alert_unknown", values={"id": alert_id}) from error
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
    return alert_page(request, context, who, alert_id, status=status, fault=fault)


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
        return alert_page(request, context, who, alert_id, status=422, fault=fault, shut="close")
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

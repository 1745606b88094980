"""What people do with an alert: acknowledge, take, assign, note, close, reopen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from sqlalchemy.orm import Session

from appliance.alerts import service
from appliance.state.database import writing
from appliance.state.models import Alert, Outcome
from appliance.web.api.common import Number
from appliance.web.auth import Principal, require
from appliance.web.context import Box, Context
from appliance.web.pages.alert import alert_page
from appliance.web.pages.forms import Lines
from appliance.web.pages.render import catalogue
from appliance.web.pages.shell import back_to, safe_back
from appliance.web.policy import Permission
from appliance.web.problem import Problem

router = APIRouter(include_in_schema=False)
Actor = Annotated[Principal, Depends(require(Permission.ALERTS_ACT))]
Text = Annotated[str, Form(max_length=4000), Lines]


@dataclass(frozen=True, slots=True)
class Act:
    """Somebody is about to do something with an alert."""

    request: Request
    context: Context
    who: Principal
    alert_id: int

    def do(self, change: Callable[[Session, int], Alert], done: str, back: str = "") -> Response:
        """Do it and return to the alert, or say why it was not done."""
        try:
            with writing(self.context.sessions) as session:
                change(session, self.context.now())
        except service.UnknownAlert as error:
            raise Problem(404, "alert_unknown", values={"id": self.alert_id}) from error
        except service.NotAllowedNow as error:
            key = "alert.taken_by" if isinstance(error, service.AlreadyTaken) else "alert.not_now"
            state = catalogue().text(f"state.{error.state}", self.who.language)
            return self.refused(key, who=error.who, state=state)
        except service.UnknownUser:
            return self.refused("alert.no_person")
        except service.HistoryFull:
            return self.refused("alert.full")
        except ValueError:
            return self.refused("alert.no_text", status=422)
        return back_to(safe_back(back, f"/alerty/{self.alert_id}"), done)

    def refused(self, key: str, status: int = 409, shut: str = "", **values: str) -> Response:
        """Return the alert's page with the reason why it was not done."""
        fault = catalogue().text(key, self.who.language, **values)
        return alert_page(self.request, self.context, self.who, self.alert_id, status=status, fault=fault, shut=shut)


def _act(request: Request, context: Box, who: Actor, alert_id: Number) -> Act:
    return Act(request, context, who, alert_id)


Acting = Annotated[Act, Depends(_act)]


@router.post("/alerty/{alert_id}/odbior")
def acknowledge(act: Acting, back: str = Form("")) -> Response:
    """Say that somebody has seen the alert."""
    return act.do(
        lambda session, now: service.acknowledge(session, act.alert_id, act.who.actor, now), "acknowledged", back
    )


@router.post("/alerty/{alert_id}/przejmij")
def take(act: Acting) -> Response:
    """Take the alert over."""
    return act.do(lambda session, now: service.take(session, act.alert_id, act.who.actor, now), "taken")


@router.post("/alerty/{alert_id}/przydziel")
def assign(act: Acting, user_id: int = Form(0)) -> Response:
    """Give the alert to a person."""
    return act.do(lambda session, now: service.assign(session, act.alert_id, act.who.actor, user_id, now), "assigned")


@router.post("/alerty/{alert_id}/notatka")
def note(act: Acting, text: Text = "") -> Response:
    """Add a note."""
    return act.do(lambda session, now: service.note(session, act.alert_id, act.who.actor, text, now), "noted")


@router.post("/alerty/{alert_id}/zamknij")
def close(act: Acting, outcome: Text = "", reason: Text = "") -> Response:
    """Close the alert with an outcome and a reason."""
    if outcome not in set(Outcome) or not reason.strip() or len(reason) > service.REASON_LENGTH:
        return act.refused("alert.no_reason", status=422, shut="close")
    return act.do(
        lambda session, now: service.close(session, act.alert_id, act.who.actor, Outcome(outcome), reason, now),
        "closed",
    )


@router.post("/alerty/{alert_id}/otworz")
def reopen(act: Acting, reason: Text = "") -> Response:
    """Open a closed alert again."""
    return act.do(lambda session, now: service.reopen(session, act.alert_id, act.who.actor, reason, now), "reopened")

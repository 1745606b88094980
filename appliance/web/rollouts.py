"""What page and API share about the agent's versions: starting and changing roll-outs for somebody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from sqlalchemy.orm import Session

from appliance.clock import HOUR
from appliance.state.database import writing
from appliance.state.updates import Rollout
from appliance.updates import rollouts
from appliance.updates.rollouts import CannotRollOut
from appliance.web.auth import Principal
from appliance.web.context import Context
from appliance.web.problem import Problem

MOST_HOURS = 24 * 30
"""By how much a roll-out may be put off."""
Act = Literal["promote", "stop", "resume", "end"]


def start_for(context: Context, who: Principal, delay_hours: int, version: str | None = None) -> Rollout:
    """Start the latest version in hand, which the asker may name; raises Problem."""
    folder, now = context.home.agent_packages, context.now()
    not_before = now + delay_hours * HOUR if delay_hours else 0
    return _done(context, lambda session: rollouts.start(session, folder, who.who, now, not_before, version=version))


def act_for(context: Context, who: Principal, number: int, act: Act, to: int | None = None) -> Rollout:
    """Change the roll-out that the asker has seen, by its number; `to` is the ring of `promote`. Raises Problem."""
    now = context.now()
    if act == "promote":
        return _done(context, lambda session: rollouts.promote(session, who.who, now, number=number, to=to))
    change = {"stop": rollouts.stop, "resume": rollouts.resume, "end": rollouts.end}[act]
    return _done(context, lambda session: change(session, who.who, now, number=number))


def _done(context: Context, act: Callable[[Session], Rollout]) -> Rollout:
    try:
        with writing(context.sessions) as session:
            row = act(session)
            session.flush()
            session.expunge(row)
            return row
    except CannotRollOut as error:
        raise Problem(409, f"rollout_{error.reason.value}") from error
    except OSError as error:
        raise Problem(503, "rollout_unreadable") from error

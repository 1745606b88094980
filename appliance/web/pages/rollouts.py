"""The agent's versions `/stacje/aktualizacje`: what is in hand, who runs what, and the roll-out ring by ring."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response

from appliance.updates import rollouts as core
from appliance.updates.progress import WAITING, Progress, Standing, progress, shelved, stations, versions
from appliance.updates.rollouts import CannotRollOut
from appliance.web import rollouts
from appliance.web.api.common import Number
from appliance.web.api.rollouts import newest
from appliance.web.auth import Principal, require
from appliance.web.context import Box, Context
from appliance.web.pages.render import catalogue
from appliance.web.pages.shell import back_to, page
from appliance.web.policy import Permission
from appliance.web.problem import Problem, text_of

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, Depends(require(Permission.AGENTS_READ))]
Manager = Annotated[Principal, Depends(require(Permission.AGENTS_MANAGE))]
PAGE = "/stacje/aktualizacje"
ACTS: dict[str, rollouts.Act] = {"szerzej": "promote", "zatrzymaj": "stop", "wznow": "resume", "zakoncz": "end"}
OPEN = (Standing.BACK, *WAITING, Standing.SILENT)
"""Who is named: the stations that were offered the version and do not run it."""


def _page(request: Request, context: Context, who: Principal, /, status: int = 200, **values: Any) -> Response:
    now, history = context.now(), newest(context)
    with context.sessions() as session:
        going: Progress | None = progress(session, history[0], now) if history else None
        by_version = versions(stations(session))
        try:
            next_version = core.startable(session, context.home.agent_packages).version
        except CannotRollOut:
            next_version = ""
    shown: dict[str, Any] = {
        "going": going,
        "missing": going.those(*OPEN) if going else [],
        "wider": core.next_ring(history[0]) if history else None,
        "history": history,
        "by_version": by_version,
        "packages": shelved(context.home.agent_packages),
        "next_version": next_version,
        "delay": 0,
        "most_hours": rollouts.MOST_HOURS,
    }
    return page(request, context, who, "stations", "rollouts.html", status=status, **shown | values)


@router.get(PAGE)
def versions_of_stations(request: Request, context: Box, who: Reader) -> Response:
    """Show versions, stations and the newest roll-out."""
    return _page(request, context, who)


@router.post(PAGE)
def start(
    request: Request,
    context: Box,
    who: Manager,
    version: Annotated[str, Form(alias="wersja", max_length=32)],
    delay: Annotated[int, Form(alias="godziny")] = 0,
) -> Response:
    """Start the version that the page has shown."""
    if not 0 <= delay <= rollouts.MOST_HOURS:
        fault = catalogue().text("rollouts.bad_delay", who.language, most=rollouts.MOST_HOURS)
        return _page(request, context, who, status=422, fault=fault, delay=delay)
    return _acted(request, context, who, "started", lambda: rollouts.start_for(context, who, delay, version))


@router.post(PAGE + "/{number}/{act}")
def change(
    request: Request,
    context: Box,
    who: Manager,
    number: Number,
    act: str,
    to: Annotated[int | None, Form(alias="czesc")] = None,
) -> Response:
    """Take the roll-out that the page has shown to more stations, stop it, resume it or end it."""
    if act not in ACTS:
        raise Problem(404, "not_found")
    name = ACTS[act]
    return _acted(request, context, who, name, lambda: rollouts.act_for(context, who, number, name, to))


def _acted(request: Request, context: Context, who: Principal, done: str, act: Callable[[], object]) -> Response:
    """Act, and show the page again; where it was not possible with the reason, and nothing was changed."""
    try:
        act()
    except Problem as problem:
        return _page(
            request, context, who, status=problem.status, fault=text_of(problem.code, who.language, problem.values)
        )
    return back_to(PAGE, f"rollout_{done}")

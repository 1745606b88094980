"""Hunts `/poszukiwania`: which rules looked through the past, how far they have come, what they found; and plans."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from appliance.alerts.cursor import BadCursor
from appliance.alerts.service import AlertFilter, found_later, list_alerts, owners
from appliance.clock import from_datetime
from appliance.detect import Rule
from appliance.detect.visibility import TACTICS
from appliance.hunt import asked, plans
from appliance.hunt.changes import changed_since
from appliance.hunt.slices import HITS_A_RULE, HITS_A_STATION
from appliance.language.dates import WARSAW, local
from appliance.state.database import writing
from appliance.store import Missing
from appliance.web.api.common import Number
from appliance.web.api.hunts import HuntBody, PlanBody, asked_for, planned
from appliance.web.auth import Principal, require
from appliance.web.context import Box, Context
from appliance.web.pages.cardview import own_title
from appliance.web.pages.render import render
from appliance.web.pages.rules import titles_of
from appliance.web.pages.shell import back_to, page, shell
from appliance.web.pages.views.alerts import alert_row
from appliance.web.pages.views.hunts import Choice, choice_of, hunt_row, plan_row
from appliance.web.policy import Permission
from appliance.web.problem import text_of

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, Depends(require(Permission.HUNTS_READ))]
Starter = Annotated[Principal, Depends(require(Permission.HUNTS_MAKE))]
Text = Annotated[str, Form(max_length=4000)]
Chosen = Annotated[tuple[str, ...], Form(max_length=500)]
PAGE, ALERTS, RULES, OFFERED = 50, 50, 50, 200
DAYS = 30
"""How far back a hunt looks unless somebody says otherwise."""
EVERY_DAY = "codziennie"


def _overview(request: Request, context: Context) -> dict[str, Any]:
    after = request.query_params.get("po", "")[:200]
    with context.sessions() as session:
        try:
            rows, cursor = asked.page(session, after or None, PAGE)
        except BadCursor:
            rows, cursor = asked.page(session, None, PAGE)
        courses = [plans.course(session, plan) for plan in plans.alive(session)]
        made = asked.made_by(session, [*rows, *(one.last for one in courses if one.last)])
    return {
        "rows": [hunt_row(row, made.get(row.id, 0)) for row in rows],
        "plans": [plan_row(one, made, context.now()) for one in courses],
        "days": context.settings.hunts.days,
        "older": cursor or "",
        "after": after,
    }


@router.get("/poszukiwania")
def overview(request: Request, context: Box, who: Reader) -> Response:
    """List hunts, newest first, and plans."""
    return page(request, context, who, "hunts", "hunts.html", **_overview(request, context))


@router.get("/poszukiwania/na-zywo")
def live(request: Request, context: Box, who: Reader) -> Response:
    """Return the list alone, for the live page."""
    frame = shell(request, context, who, "hunts")
    values = {"shell": frame, **_overview(request, context)}
    return HTMLResponse(render("_hunt_list.html", who.language, frame.now, values))


@router.get("/poszukiwania/nowe")
def form(request: Request, context: Box, who: Starter) -> Response:
    """Offer rules and a time."""
    return _form(request, context, who, choice_of(request.query_params))


@router.post("/poszukiwania/nowe")
def start(
    request: Request,
    context: Box,
    who: Starter,
    which: Text = "all",
    rule: Chosen = (),
    tekst: Text = "",
    poziom: Text = "",
    cel: Text = "",
    zmienione: Text = "",
    first: Text = "",
    last: Text = "",
    hosts: Text = "",
    name: Text = "",
    again: Text = "",
    hour: Text = "3",
) -> Response:
    """Start a hunt, and plan further ones when that is asked for."""
    choice = choice_of({"tekst": tekst, "poziom": poziom, "cel": cel, "zmienione": zmienione})
    ids = list(rule) if which == "some" else [one.id for one in _found(context, choice, who.language)]
    given = {"first": first, "last": last, "hosts": hosts, "name": name, "again": again, "hour": hour}
    named = {"name": name.strip(), "rules": ids, "hosts": [one for one in hosts.replace(",", " ").split() if one]}
    try:
        begin, end = _midnight(date.fromisoformat(first)), _midnight(date.fromisoformat(last) + timedelta(days=1))
        body = HuntBody.model_validate({**named, "since": begin, "until": end})
        with writing(context.sessions) as session:
            row = asked_for(session, context, who, body)
            if again:
                weekday = None if again == EVERY_DAY else again
                wanted = {**named, "name": row.name, "weekday": weekday, "hour": hour}
                planned(session, context, who, PlanBody.model_validate(wanted))
    except (ValidationError, ValueError, OverflowError, asked.HuntsFull, plans.PlansFull) as error:
        fault = _said(error, who.language)
        return _form(request, context, who, choice, status=422, fault=fault, chosen=frozenset(rule), given=given)
    return back_to(f"/poszukiwania/{row.id}", "hunt_planned" if again else "hunt_asked")


@router.get("/poszukiwania/{number}")
def show(request: Request, context: Box, who: Reader, number: Number) -> Response:
    """Show one hunt with what it has found."""
    return page(request, context, who, "hunts", "hunt.html", **_hunt(context, who, number))


@router.get("/poszukiwania/{number}/na-zywo")
def show_live(request: Request, context: Box, who: Reader, number: Number) -> Response:
    """Return what changes on the page of a hunt."""
    frame = shell(request, context, who, "hunts")
    values = {"shell": frame, **_hunt(context, who, number)}
    return HTMLResponse(render("_hunt_body.html", who.language, frame.now, values))


@router.post("/poszukiwania/{number}/zatrzymaj")
def stop(request: Request, context: Box, who: Starter, number: Number) -> Response:
    """End a hunt; what it has found stays."""
    try:
        with writing(context.sessions) as session:
            asked.stop(session, number, who.actor, context.now())
    except asked.HuntOver as error:
        values = _hunt(context, who, number)
        return page(request, context, who, "hunts", "hunt.html", status=409, fault=_said(error, who.language), **values)
    return back_to(f"/poszukiwania/{number}", "hunt_stopped")


@router.post("/poszukiwania/plany/{number}/usun")
def unplan(context: Box, who: Starter, number: Number) -> Response:
    """End a plan; its hunts stay."""
    with writing(context.sessions) as session:
        plans.remove(session, number, who.actor, context.now())
    return back_to("/poszukiwania", "hunt_unplanned")


def _hunt(context: Context, who: Principal, number: int) -> dict[str, Any]:
    titles = titles_of(context.rules(), who.language)
    with context.sessions() as session:
        row = asked.get(session, number)
        plan = asked.plan_of(session, row)
        found = list_alerts(session, AlertFilter(hunt_id=number), None, ALERTS)
        people, hunts = owners(session, found.items), found_later(session, found.items)
        alerts = asked.made_by(session, [row]).get(number, 0)
    by_rule = sorted(row.by_rule.items(), key=lambda one: (-one[1], one[0]))
    return {
        "one": row,
        "row": hunt_row(row, alerts),
        "plan": plan,
        "missing": Missing.of(context.store.damaged(row.since, row.until)),
        "left_out": asked.left_out(row),
        "by_rule": [(name, titles.get(name, name), count) for name, count in by_rule[:RULES]],
        "asked_rules": [(name, titles.get(name, name)) for name in row.rules[:RULES]],
        "caps": (HITS_A_RULE, HITS_A_STATION) if any(n > HITS_A_STATION for n in row.by_rule.values()) else None,
        "rows": [alert_row(alert, people, own_title(alert.rule_id, who.language), hunts) for alert in found.items],
        "more": alerts > len(found.items),
    }


def _found(context: Context, choice: Choice, language: str) -> list[Rule]:
    ruleset = context.rules()
    changed = None
    if choice.changed:
        with context.sessions() as session:
            changed = frozenset(changed_since(session, _midnight(date.fromisoformat(choice.changed))))
    return choice.of(asked.huntable(ruleset).values(), titles_of(ruleset, language), changed)


def _form(
    request: Request,
    context: Context,
    who: Principal,
    choice: Choice,
    /,
    status: int = 200,
    fault: str = "",
    chosen: frozenset[str] = frozenset(),
    given: dict[str, str] | None = None,
) -> Response:
    today = local(context.now()).date()
    found = _found(context, choice, who.language)
    titles = titles_of(context.rules(), who.language)
    start = (today - timedelta(days=DAYS)).isoformat()
    values = {"first": start, "last": today.isoformat(), "hosts": "", "name": "", "again": "", "hour": "3"}
    return page(
        request,
        context,
        who,
        "hunts",
        "hunt_new.html",
        status=status,
        fault=fault,
        choice=choice,
        tactics=TACTICS,
        rules=[(one.id, titles.get(one.id, one.title), one.level, str(one.logsource)) for one in found[:OFFERED]],
        total=len(found),
        offered=OFFERED,
        correlations=len(context.rules().correlations),
        chosen=chosen,
        today=today.isoformat(),
        given=values | (given or {}),
        every_day=EVERY_DAY,
    )


def _midnight(day: date) -> int:
    return max(0, from_datetime(datetime.combine(day, time(), WARSAW)))


def _said(error: Exception, language: str) -> str:
    if isinstance(error, asked.HuntsFull):
        return text_of("hunts_full", language, {"limit": asked.MOST_WAITING})
    if isinstance(error, plans.PlansFull):
        return text_of("plans_full", language, {"limit": plans.MOST_PLANS})
    if isinstance(error, asked.NoSuchRule):
        return text_of("hunt_rule", language, {"rule": str(error)})
    return text_of("hunt_over" if isinstance(error, asked.HuntOver) else "hunt_nothing", language, {})

"""Hunts: rules over the events that are stored, asked for, listed, stopped; and plans by which they come again."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel, Field, StringConstraints
from sqlalchemy.orm import Session

from appliance.hunt import asked, plans
from appliance.hunt.asked import MOST_HOSTS, MOST_RULES, NAME, Wish
from appliance.hunt.changes import changed_since, name_of
from appliance.state.database import writing
from appliance.state.hunts import HuntOrigin, HuntPlan, HuntRun, HuntState
from appliance.web.api.common import After, Answer, Limit, Moment, Number, Page, api_router
from appliance.web.auth import Principal, needs, require
from appliance.web.context import Box, Context
from appliance.web.policy import Permission

router = api_router("hunts")
Starter = Annotated[Principal, Depends(require(Permission.HUNTS_MAKE))]
RuleIds = Annotated[list[Annotated[str, StringConstraints(min_length=1, max_length=64)]], Field(max_length=MOST_RULES)]
Hosts = Annotated[list[Annotated[str, StringConstraints(max_length=255)]], Field(max_length=MOST_HOSTS)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, max_length=NAME)]


class RulesBody(BaseModel):
    """Which rules, on which hosts. Without `rules` all in force, correlations and rules that only serve them aside."""

    name: Title = ""
    rules: RuleIds | None = None
    hosts: Hosts = Field(default_factory=list, description="Host names, any case; none are all.")


class HuntBody(RulesBody):
    """A hunt: `since` ≤ event < `until`; without `until` up to now."""

    since: Moment
    until: Moment | None = None
    changed_since: Moment | None = Field(None, description="Only rules that came in force as they are since then.")


class PlanBody(RulesBody):
    """A hunt that comes every day, or every week on one day, at an hour of Europe/Warsaw."""

    name: Annotated[Title, Field(min_length=1)]
    weekday: int | None = Field(None, ge=0, le=6, description="0 Monday … 6 Sunday; null is every day.")
    hour: int = Field(3, ge=0, le=23)


class HuntAnswer(Answer):
    """A hunt; times in microseconds. `progress` is 0 to 1.

    `hits` are matches of a rule, those that had an alert before among them; `alerts` are those that the hunt made.
    `scan`: its rules cannot be asked for narrowly, so all events of the time are read. `resumed` counts how often it
    went on after an interruption, `missing` rules that were not in force any more when it began. `undirected`
    are events that rules of it could not judge, because nobody wrote down which way they went.
    """

    id: int
    name: str
    origin: HuntOrigin
    asked_by: str
    asked_at: int
    rules: int
    hosts: list[str]
    since: int
    until: int
    state: HuntState
    reason: str
    detail: str
    begun_at: int | None
    ended_at: int | None
    stopped_by: str
    resumed: int
    progress: float
    scan: bool
    missing: int
    undirected: int
    looked: int
    hits: int
    alerts: int
    plan_id: int | None
    due_at: int | None
    windows: int


class HuntWhole(HuntAnswer):
    """A hunt with its rules, and how many matches each has."""

    rule_ids: list[str]
    by_rule: dict[str, int]


class GapAnswer(Answer):
    """A part of a window that a hunt which ended early has not looked at."""

    hunt_id: int
    since: int
    until: int


class PlanAnswer(Answer):
    """A plan; times in microseconds. Everything before `upto` was asked for.

    `late_us` is how long after its time the last hunt began, `missed` how many windows it had to catch up.
    """

    id: int
    name: str
    rules: list[str]
    hosts: list[str]
    weekday: int | None
    hour: int
    asked_by: str
    asked_at: int
    upto: int
    next_at: int
    last_hunt: int | None
    late_us: int | None
    missed: int
    gaps: list[GapAnswer]


@router.get("/hunts", dependencies=needs(Permission.HUNTS_READ))
def list_hunts(context: Box, after: After = None, limit: Limit = 50) -> Page[HuntAnswer]:
    """Return hunts, newest first."""
    with context.sessions() as session:
        rows, cursor = asked.page(session, after, limit)
        made = asked.made_by(session, rows)
    return Page(items=[HuntAnswer(**_fields(row, made.get(row.id, 0))) for row in rows], next=cursor)


@router.post("/hunts", status_code=201)
def ask(context: Box, who: Starter, body: HuntBody) -> HuntWhole:
    """Put a hunt into the line."""
    with writing(context.sessions) as session:
        row = asked_for(session, context, who, body)
    return HuntWhole(**_whole(row, 0))


@router.get("/hunts/plans", dependencies=needs(Permission.HUNTS_READ))
def list_plans(context: Box) -> list[PlanAnswer]:
    """Return the plans."""
    with context.sessions() as session:
        return [_plan(plans.course(session, plan)) for plan in plans.alive(session)]


@router.post("/hunts/plans", status_code=201)
def plan(context: Box, who: Starter, body: PlanBody) -> PlanAnswer:
    """Make a plan; its first window begins now."""
    with writing(context.sessions) as session:
        return _plan(plans.course(session, planned(session, context, who, body)))


@router.post("/hunts/plans/{number}/remove")
def unplan(context: Box, who: Starter, number: Number) -> PlanAnswer:
    """End a plan; its hunts stay."""
    with writing(context.sessions) as session:
        return _plan(plans.course(session, plans.remove(session, number, who.actor, context.now())))


@router.get("/hunts/{number}", dependencies=needs(Permission.HUNTS_READ))
def get_hunt(context: Box, number: Number) -> HuntWhole:
    """Return one hunt."""
    with context.sessions() as session:
        row = asked.get(session, number)
        return HuntWhole(**_whole(row, asked.made_by(session, [row]).get(number, 0)))


@router.post("/hunts/{number}/stop")
def stop(context: Box, who: Starter, number: Number) -> HuntAnswer:
    """End a hunt: at once while it waits, within seconds while it runs. What it has found stays."""
    with writing(context.sessions) as session:
        row = asked.stop(session, number, who.actor, context.now())
        return HuntAnswer(**_fields(row, asked.made_by(session, [row]).get(number, 0)))


def asked_for(session: Session, context: Context, who: Principal, body: HuntBody) -> HuntRun:
    """Ask for what a body says. Raises NoSuchRule, BadHunt, HuntsFull."""
    ruleset, now = context.rules(), context.now()
    ids = asked.chosen(ruleset, body.rules)
    there = asked.huntable(ruleset)
    if body.changed_since is not None:
        changed = changed_since(session, body.changed_since)
        ids = tuple(one for one in ids if one in changed)
    if not ids:
        raise asked.BadHunt
    name = body.name or name_of([there[one] for one in ids], context.settings.language)
    until = now if body.until is None else min(body.until, now)
    return asked.ask(session, Wish(name, ids, body.since, until, asked.hosts_of(body.hosts)), who.actor, now)


def planned(session: Session, context: Context, who: Principal, body: PlanBody) -> HuntPlan:
    """Make the plan that a body says. Raises NoSuchRule, BadHunt, PlansFull."""
    ids = () if body.rules is None else asked.chosen(context.rules(), body.rules)
    if body.rules is not None and not ids:
        raise asked.BadHunt
    hosts = asked.hosts_of(body.hosts)
    return plans.add(session, who.actor, body.name, ids, hosts, body.weekday, body.hour, context.now())


def _fields(row: HuntRun, alerts: int) -> dict[str, Any]:
    own = HuntAnswer.model_fields.keys() - {"rules", "progress", "alerts"}
    values = {name: getattr(row, name) for name in own}
    return values | {"rules": row.rule_count, "progress": asked.progress(row), "alerts": alerts}


def _whole(row: HuntRun, alerts: int) -> dict[str, Any]:
    return _fields(row, alerts) | {"rule_ids": row.rules, "by_rule": row.by_rule}


def _plan(one: plans.Course) -> PlanAnswer:
    row = one.plan
    names = ("id", "name", "rules", "hosts", "weekday", "hour", "asked_by", "asked_at", "upto")
    return PlanAnswer(
        **{name: getattr(row, name) for name in names},
        next_at=one.next_at,
        last_hunt=one.last.id if one.last else None,
        late_us=one.late_us,
        missed=one.missed,
        gaps=[GapAnswer(hunt_id=hunt, since=start, until=end) for hunt, start, end in one.gaps],
    )

"""Hunts that come again, every day or every week. Their windows touch: what was missed is caught up, never left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.alerts.service import Actor
from appliance.clock import from_datetime
from appliance.detect import RuleSet
from appliance.hunt.asked import (
    MOST_HOSTS,
    MOST_RULES,
    NAME,
    SHORT,
    BadHunt,
    HuntsFull,
    Wish,
    ask,
    huntable,
    left_out,
    named,
)
from appliance.language.dates import WARSAW, local
from appliance.ops.operations import record
from appliance.state.hunts import HuntOrigin, HuntPlan, HuntRun

MOST_PLANS = 100
MOST_WINDOWS = 10_000
"""Windows that are counted at most when a box was off for years; all the time is caught up all the same."""
LISTED = 50
"""Hunts of a plan that are looked at for gaps, the newest."""


class UnknownPlan(LookupError):
    """There is no plan of this number, or it was removed."""


class PlansFull(Exception):
    """There are MOST_PLANS plans."""


@dataclass(frozen=True, slots=True)
class Course:
    """How a plan fares; times in microseconds.

    `last` is its newest hunt, `late_us` how long after its time that began, `next_at` when the next one is due, `gaps`
    are parts of windows that hunts which failed or were stopped have not looked at.
    """

    plan: HuntPlan
    last: HuntRun | None
    late_us: int | None
    next_at: int
    missed: int
    """Windows of the last hunt beside its own: they had not come in their time."""
    gaps: tuple[tuple[int, int, int], ...]
    """Hunt, start, end."""


def add(  # noqa: PLR0917 - who, what, when, as of every act
    session: Session,
    actor: Actor,
    name: str,
    rules: Sequence[str],
    hosts: Sequence[str],
    weekday: int | None,
    hour: int,
    now: int,
) -> HuntPlan:
    """Make a plan; its first window begins now. No rules are all that are in force each time.

    Raises BadHunt, PlansFull.
    """
    if not 1 <= len(name) <= NAME or len(rules) > MOST_RULES or len(hosts) > MOST_HOSTS:
        raise BadHunt
    if len(alive(session)) >= MOST_PLANS:
        raise PlansFull
    row = HuntPlan(
        name=name, rules=list(rules), hosts=list(hosts), weekday=weekday, hour=hour,
        asked_by=actor.who[:120], asked_at=now, upto=now,
    )  # fmt: skip
    session.add(row)
    session.flush()
    detail = {"name": name, "hosts": list(hosts), "weekday": weekday, "hour": hour, **named(rules)}
    record(session, actor.who, "hunt.planned", row.id, now, **detail)
    return row


def remove(session: Session, number: int, actor: Actor, now: int) -> HuntPlan:
    """End a plan; its hunts stay. Raises UnknownPlan."""
    row = session.scalar(select(HuntPlan).where(HuntPlan.id == number, HuntPlan.removed_at.is_(None)).with_for_update())
    if row is None:
        raise UnknownPlan(number)
    row.removed_at = now
    record(session, actor.who, "hunt.unplanned", number, now, upto=row.upto)
    return row


def alive(session: Session) -> list[HuntPlan]:
    """Return the plans, in the order in which they were made."""
    return list(session.scalars(select(HuntPlan).where(HuntPlan.removed_at.is_(None)).order_by(HuntPlan.id)))


def next_end(plan: HuntPlan, after: int) -> int:
    """Return when the window ends that is open after a moment, in microseconds.

    An hour that spring leaves out is the one after; of the hour that autumn repeats it is the first.
    """
    day = local(after).date()
    while True:
        end = from_datetime(datetime.combine(day, time(plan.hour), WARSAW))
        if end > after and plan.weekday in {None, day.weekday()}:
            return end
        day += timedelta(days=1)


def windows(plan: HuntPlan, now: int) -> tuple[int, int, int] | None:
    """Return (start, end, how many) of the windows of a plan that have ended and were not asked for; None for none."""
    end, count = plan.upto, 0
    while count < MOST_WINDOWS and (following := next_end(plan, end)) <= now:
        end, count = following, count + 1
    return (plan.upto, end, count) if count else None


def due(session: Session, now: int, ruleset: RuleSet | None = None) -> list[HuntPlan]:
    """Return the plans with a window that has ended; with `ruleset`, also ask for their hunts.

    Several windows become one hunt. A plan without any rule in force, and one for which there is no room, waits: its
    window grows.
    """
    found = [plan for plan in alive(session) if windows(plan, now)]
    there = huntable(ruleset) if ruleset is not None else {}
    for plan in found if ruleset is not None else ():
        span = windows(plan, now)
        wanted = tuple(name for name in plan.rules or there if name in there)
        if span is None or not wanted:
            continue
        start, end, count = span
        wish = Wish(
            plan.name, wanted, start, end, tuple(plan.hosts), HuntOrigin.PLAN, plan.id, next_end(plan, start), count
        )
        try:
            ask(session, wish, Actor("czujka"), now)
        except HuntsFull:
            break
        plan.upto = end
    return found


def course(session: Session, plan: HuntPlan) -> Course:
    """Return how a plan fares."""
    rows = session.scalars(
        select(HuntRun).options(*SHORT).where(HuntRun.plan_id == plan.id).order_by(HuntRun.id.desc()).limit(LISTED)
    ).all()
    last = rows[0] if rows else None
    late = None
    if last is not None and last.begun_at is not None and last.due_at is not None:
        late = max(0, last.begun_at - last.due_at)
    gaps = tuple((row.id, *gap) for row in rows if (gap := left_out(row)))
    return Course(plan, last, late, next_end(plan, plan.upto), last.windows - 1 if last else 0, gaps)

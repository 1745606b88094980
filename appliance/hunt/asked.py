"""Hunts as they are asked for, listed and stopped. Every act stands in the audit log, and so in the evidence chain."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, defer

from appliance.alerts import paging
from appliance.alerts.service import Actor
from appliance.detect import Rule, RuleSet
from appliance.ops.operations import record
from appliance.rulesets import listed
from appliance.state.hunts import HuntAlert, HuntOrigin, HuntPlan, HuntRun, HuntState
from appliance.state.models import Alert, Feed

MOST_WAITING = 100
"""Hunts that may wait or run at once."""
MOST_RULES = 20_000
MOST_HOSTS = 100
NAME = 120
NAMED_RULES = 20
"""Rules that the audit log names one by one; of all of them it has the hash."""
CHANGED = "hunt.updated"
"""The kind of an entry of the live feed that says that hunts have changed."""
SHORT = (defer(HuntRun.rules), defer(HuntRun.by_rule))
"""What a list of hunts does not load."""
_OVER = frozenset({HuntState.DONE, HuntState.STOPPED, HuntState.FAILED})


class UnknownHunt(LookupError):
    """There is no hunt of this number."""


class HuntOver(Exception):
    """The hunt has ended; there is nothing to stop."""


class HuntsFull(Exception):
    """MOST_WAITING hunts wait or run."""


class NoSuchRule(ValueError):
    """A rule that is asked for is not in force, or gives no alerts of its own; the text is its id."""


class BadHunt(ValueError):
    """The time range is empty, or there is nothing to look for."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a hunt is to look for. Times in microseconds, `since` ≤ event < `until`; no hosts are all hosts."""

    name: str
    rules: tuple[str, ...]
    since: int
    until: int
    hosts: tuple[str, ...] = ()
    origin: HuntOrigin = HuntOrigin.PERSON
    plan_id: int | None = None
    due_at: int | None = None
    windows: int = 1

    def check(self) -> Wish:
        """Return the wish. Raises BadHunt."""
        if not self.rules or not 0 <= self.since < self.until:
            raise BadHunt
        if len(self.rules) > MOST_RULES or len(self.hosts) > MOST_HOSTS or not 1 <= len(self.name) <= NAME:
            raise BadHunt
        return self


def huntable(ruleset: RuleSet) -> dict[str, Rule]:
    """Return the rules that a hunt may use by id: those in force that give alerts of their own.

    Correlations are not among them: what joins events over time needs all of them in their order.
    """
    silent = {one.rule.id for one in listed(ruleset) if one.silent}
    return {rule.id: rule for rule in ruleset.rules if rule.id not in silent}


def chosen(ruleset: RuleSet, wanted: Sequence[str] | None) -> tuple[str, ...]:
    """Return the ids of rules that are wanted, of all that may be used when `wanted` is None. Raises NoSuchRule."""
    there = huntable(ruleset)
    if wanted is None:
        return tuple(there)
    missing = next((one for one in wanted if one not in there), None)
    if missing is not None:
        raise NoSuchRule(missing)
    return tuple(dict.fromkeys(wanted))


def hosts_of(text: Iterable[str]) -> tuple[str, ...]:
    """Return host names as hunts compare them: in lower case, each once."""
    return tuple(dict.fromkeys(name for one in text if (name := one.strip().lower())))


def ask(session: Session, wish: Wish, actor: Actor, now: int) -> HuntRun:
    """Put a hunt into the line; it begins when its turn comes. Raises BadHunt, HuntsFull."""
    wish.check()
    if waiting(session) >= MOST_WAITING:
        raise HuntsFull
    row = HuntRun(
        name=wish.name,
        origin=wish.origin,
        asked_by=actor.who[:120],
        asked_at=now,
        rules=list(wish.rules),
        rule_count=len(wish.rules),
        hosts=list(wish.hosts),
        since=wish.since,
        until=wish.until,
        state=HuntState.WAITING,
        plan_id=wish.plan_id,
        due_at=wish.due_at,
        windows=wish.windows,
        looked=0,
        hits=0,
        by_rule={},
    )
    session.add(row)
    session.flush()
    detail = {"name": row.name, "since": row.since, "until": row.until, "hosts": row.hosts, **named(row.rules)}
    record(session, actor.who, "hunt.asked", row.id, now, origin=wish.origin.value, **detail)
    tell(session, now)
    return row


def waiting(session: Session) -> int:
    """Return how many hunts wait or run."""
    query = select(func.count()).select_from(HuntRun).where(HuntRun.state.not_in(_OVER))
    return session.scalar(query) or 0


def named(rules: Sequence[str]) -> dict[str, object]:
    """Return rules as the audit log names them: how many, the first of them, and the hash of all ids in order."""
    digest = hashlib.sha256("\n".join(rules).encode()).hexdigest()
    return {"rules": len(rules), "first_rules": list(rules[:NAMED_RULES]), "rules_sha256": digest}


def stop(session: Session, number: int, actor: Actor, now: int) -> HuntRun:
    """End a hunt: at once while it waits, else within seconds. What it has found stays.

    Raises UnknownHunt, HuntOver.
    """
    row = session.scalar(select(HuntRun).where(HuntRun.id == number).with_for_update())
    if row is None:
        raise UnknownHunt(number)
    if row.state in _OVER or row.stopped_by:
        raise HuntOver
    row.stopped_by = actor.who[:120]
    if row.state == HuntState.WAITING:
        row.state, row.ended_at = HuntState.STOPPED, now
    record(session, actor.who, "hunt.stopped", number, now)
    tell(session, now)
    return row


def tell(session: Session, now: int) -> None:
    """Tell open pages that hunts have changed."""
    session.add(Feed(at=now, kind=CHANGED, alert_id=None))


def get(session: Session, number: int) -> HuntRun:
    """Return one hunt. Raises UnknownHunt."""
    row = session.get(HuntRun, number)
    if row is None:
        raise UnknownHunt(number)
    return row


def page(session: Session, after: str | None, limit: int) -> tuple[list[HuntRun], str | None]:
    """Return a page of hunts without their rules, newest first, and the next cursor. Raises BadCursor."""
    return paging.page(session, select(HuntRun).options(*SHORT), [HuntRun.id], after, limit)


def made_by(session: Session, hunts: Iterable[HuntRun], level: int = 0) -> dict[int, int]:
    """Return how many alerts of at least a level each hunt has made; hunts without any are absent."""
    query = (
        select(HuntAlert.hunt_id, func.count())
        .join(Alert, Alert.id == HuntAlert.alert_id)
        .where(HuntAlert.hunt_id.in_([one.id for one in hunts]), Alert.level >= level)
        .group_by(HuntAlert.hunt_id)
    )
    return dict(session.execute(query).all())


def plan_of(session: Session, row: HuntRun) -> HuntPlan | None:
    """Return the plan that a hunt is of."""
    return None if row.plan_id is None else session.get(HuntPlan, row.plan_id)


def progress(row: HuntRun) -> float:
    """Return how much of a hunt's range is done, 0 to 1."""
    if row.state == HuntState.DONE:
        return 1.0
    if row.floor is None or row.done_from is None or row.until <= row.floor:
        return 0.0
    return min(1.0, max(0.0, (row.until - row.done_from) / (row.until - row.floor)))


def left_out(row: HuntRun) -> tuple[int, int] | None:
    """Return the part of its range that a hunt which ended has not looked at, in microseconds; None for none."""
    if row.state not in {HuntState.STOPPED, HuntState.FAILED}:
        return None
    end = row.until if row.done_from is None else row.done_from
    start = row.since if row.floor is None else max(row.since, row.floor)
    return (start, end) if start < end else None

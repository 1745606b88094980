"""Tables of hunts: what was asked of history, by whom, how far it has come, and which alerts it made."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from appliance.state.models import Base, Micros


class HuntState(StrEnum):
    """waiting → running → done, stopped or failed; a running one survives a restart."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


class HuntOrigin(StrEnum):
    """Why there is a hunt."""

    PERSON = "person"
    CHANGE = "change"
    """Rules were added or changed."""
    PLAN = "plan"


class HuntRun(Base):
    """One hunt: rules over the events of a time range, newest first."""

    __tablename__ = "hunt"
    __table_args__ = (Index("hunt_state", "state", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    origin: Mapped[HuntOrigin] = mapped_column(String(16))
    asked_by: Mapped[str] = mapped_column(String(120))
    """A login, `token:NAME`, or `czujka`."""
    asked_at: Mapped[int] = mapped_column(Micros)
    rules: Mapped[list[str]] = mapped_column(JSON)
    rule_count: Mapped[int] = mapped_column()
    """How many rules these are: lists of hunts do not load thousands of ids each."""
    hosts: Mapped[list[str]] = mapped_column(JSON, default=list)
    """Host names in lower case; none is any."""
    since: Mapped[int] = mapped_column(Micros)
    until: Mapped[int] = mapped_column(Micros)
    state: Mapped[HuntState] = mapped_column(String(16), default=HuntState.WAITING)
    reason: Mapped[str] = mapped_column(String(32), default="")
    """Why it failed, a word that the console has a text for."""
    detail: Mapped[str] = mapped_column(Text, default="")
    begun_at: Mapped[int | None] = mapped_column(Micros)
    ended_at: Mapped[int | None] = mapped_column(Micros)
    stopped_by: Mapped[str] = mapped_column(String(120), default="")
    """Who wants it to end, or has ended it."""
    resumed: Mapped[int] = mapped_column(default=0)
    """How often it went on after an interruption: the box was restarted, or a database did not answer."""
    floor: Mapped[int | None] = mapped_column(Micros)
    """Nothing of its range is stored before; None before it has begun."""
    done_from: Mapped[int | None] = mapped_column(Micros)
    """What lies from here to `until` is done."""
    scan: Mapped[bool] = mapped_column(default=False)
    """Its rules cannot be asked for narrowly: all events of the range are read."""
    missing: Mapped[int] = mapped_column(default=0)
    """Rules that were asked for and were not in force when it began."""
    looked: Mapped[int] = mapped_column(BigInteger, default=0)
    """Events that the matcher was shown."""
    hits: Mapped[int] = mapped_column(BigInteger, default=0)
    """Matches of a rule, those that have an alert already among them."""
    by_rule: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    """The same, by rule."""
    undirected: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """Events that rules of it could not judge, as nobody wrote down which way they went."""
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("hunt_plan.id", ondelete="SET NULL"))
    due_at: Mapped[int | None] = mapped_column(Micros)
    """When its plan wanted it."""
    windows: Mapped[int] = mapped_column(default=1)
    """How many windows of its plan it covers; more than one when some were missed."""


class HuntAlert(Base):
    """An alert that a hunt made: it was found later than its events arrived."""

    __tablename__ = "hunt_alert"
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id", ondelete="CASCADE"), primary_key=True)
    hunt_id: Mapped[int] = mapped_column(ForeignKey("hunt.id", ondelete="CASCADE"), index=True)


class HuntPlan(Base):
    """A hunt that comes again: its windows touch each other, whatever happens between."""

    __tablename__ = "hunt_plan"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    rules: Mapped[list[str]] = mapped_column(JSON)
    """None of them is every rule in force at its time."""
    hosts: Mapped[list[str]] = mapped_column(JSON, default=list)
    weekday: Mapped[int | None] = mapped_column()
    """0 Monday … 6 Sunday; None is every day."""
    hour: Mapped[int] = mapped_column()
    """By the clock of Europe/Warsaw."""
    asked_by: Mapped[str] = mapped_column(String(120))
    asked_at: Mapped[int] = mapped_column(Micros)
    upto: Mapped[int] = mapped_column(Micros)
    """Everything before was asked for."""
    removed_at: Mapped[int | None] = mapped_column(Micros)


class RuleSeen(Base):
    """A rule in force whose changes were followed up."""

    __tablename__ = "rule_seen"
    rule_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of its file, hex."""
    changed_at: Mapped[int] = mapped_column(Micros)
    """When it came in force as it is."""


class RulesMark(Base):
    """One row: what the rules in force depended on when their changes were last followed up."""

    __tablename__ = "rules_mark"
    id: Mapped[int] = mapped_column(primary_key=True)
    mark: Mapped[str] = mapped_column(String(64))

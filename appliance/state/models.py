"""Tables of the box's state. Times are integer microseconds since the epoch (UTC)."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, Float, ForeignKey, Index, Integer, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from appliance.state.machines import OfMachine

Micros = BigInteger


class Base(DeclarativeBase):
    """Declarative base; alembic reads its metadata."""


class Role(StrEnum):
    """What a person may do; `appliance.web.policy` says what each means."""

    ADMIN = "admin"
    OPERATOR = "operator"
    AUDITOR = "auditor"


class AlertState(StrEnum):
    """new → received → in progress → closed; a closed alert may be opened again."""

    NEW = "new"
    RECEIVED = "received"
    IN_PROGRESS = "in_progress"
    CLOSED = "closed"


class Outcome(StrEnum):
    """Why an alert was closed."""

    THREAT = "threat"
    PERMITTED = "permitted"
    FALSE_ALARM = "false_alarm"
    UNDECIDED = "undecided"


class AgentState(StrEnum):
    """Whether the box takes its events; in quarantine a person decides, and a replaced one is another station now."""

    ACTIVE, QUARANTINE, REVOKED, REPLACED = "active", "quarantine", "revoked", "replaced"


class ExceptionState(StrEnum):
    """proposed → approved → withdrawn or expired; what is past its time does not act, whatever its state says."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class User(Base):
    """A person who signs in to the console."""

    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    role: Mapped[Role] = mapped_column(String(16))
    password_hash: Mapped[str] = mapped_column(String(255))
    language: Mapped[str] = mapped_column(String(2), default="pl")
    created_at: Mapped[int] = mapped_column(Micros)
    disabled: Mapped[bool] = mapped_column(default=False)
    failures: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[int | None] = mapped_column(Micros)


class Session(Base):
    """A signed-in browser; only the SHA-256 of its cookie is kept."""

    __tablename__ = "session"
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    csrf: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[int] = mapped_column(Micros)
    seen_at: Mapped[int] = mapped_column(Micros)


class SetupLink(Base):
    """The one-time link of the first start; only its SHA-256 is kept."""

    __tablename__ = "setup_link"
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[int] = mapped_column(Micros)
    used_at: Mapped[int | None] = mapped_column(Micros)


class ApiToken(Base):
    """A token of the API; only its SHA-256 is kept. `scopes` is a list of names."""

    __tablename__ = "api_token"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[int] = mapped_column(Micros)
    used_at: Mapped[int | None] = mapped_column(Micros)
    revoked_at: Mapped[int | None] = mapped_column(Micros)


class EnrolToken(Base):
    """Permission for agents to enrol; only its secret's SHA-256 is kept."""

    __tablename__ = "enrol_token"
    id: Mapped[int] = mapped_column(primary_key=True)
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[int] = mapped_column(Micros)
    expires_at: Mapped[int] = mapped_column(Micros)
    uses_left: Mapped[int] = mapped_column(default=1)


class Agent(OfMachine, Base):
    """A station. Its identity is the UUID in its certificate; names and addresses are only attributes."""

    __tablename__ = "agent"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    hostname: Mapped[str] = mapped_column(String(255))
    os: Mapped[str] = mapped_column(String(120), default="")
    version: Mapped[str] = mapped_column(String(32), default="")
    address: Mapped[str] = mapped_column(String(64), default="")
    certificate: Mapped[str] = mapped_column(String(64), index=True)
    """SHA-256 fingerprint of the certificate in force, hex."""
    expires_at: Mapped[int] = mapped_column(Micros)
    state: Mapped[AgentState] = mapped_column(String(16), default=AgentState.ACTIVE)
    enrolled_at: Mapped[int] = mapped_column(Micros)
    seen_at: Mapped[int | None] = mapped_column(Micros)
    event_at: Mapped[int | None] = mapped_column(Micros)
    """Time of its newest event."""
    records: Mapped[int] = mapped_column(BigInteger, default=0)
    """Records received since enrolment."""
    spooled: Mapped[int] = mapped_column(default=0)
    """Records that wait in its spool, by its last heartbeat."""
    sensors: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    """Its sensors, each {"name", "state": "on"|"off"|"limited", "reason"}; reasons are catalogue keys."""


class Alert(Base):
    """Hits of one rule on one entity within one window."""

    __tablename__ = "alert"
    __table_args__ = (Index("alert_group", "rule_id", "entity", "state"), Index("alert_created", "created_at", "id"))
    id: Mapped[int] = mapped_column(primary_key=True)
    rule_id: Mapped[str] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(String(255))
    level: Mapped[int] = mapped_column(Integer)
    """0 informational … 4 critical."""
    entity: Mapped[str] = mapped_column(String(255))
    """What the hits have in common: the host, and the account where there is one."""
    host: Mapped[str] = mapped_column(String(255))
    agent_id: Mapped[str | None] = mapped_column(String(36))
    user: Mapped[str] = mapped_column(String(255), default="")
    process: Mapped[str] = mapped_column(String(255), default="")
    tags: Mapped[list[str]] = mapped_column(JSON, default=list)
    """The rule's ATT&CK tags."""
    rule_author: Mapped[str] = mapped_column(String(255), default="")
    """Who wrote the rule: licences of rules want it shown with what they find."""
    late: Mapped[bool] = mapped_column(default=False)
    """Its first event was already old when it arrived (imported, or from a long outage)."""
    first_event_at: Mapped[int] = mapped_column(Micros)
    last_event_at: Mapped[int] = mapped_column(Micros)
    created_at: Mapped[int] = mapped_column(Micros)
    updated_at: Mapped[int] = mapped_column(Micros)
    count: Mapped[int] = mapped_column(default=0)
    state: Mapped[AlertState] = mapped_column(String(16), default=AlertState.NEW)
    received_at: Mapped[int | None] = mapped_column(Micros)
    closed_at: Mapped[int | None] = mapped_column(Micros)
    outcome: Mapped[Outcome | None] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Text, default="")
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))


class AlertEvent(Base):
    """One event that an alert rests on. A rule's hit on an event counts once, however often it is replayed."""

    __tablename__ = "alert_event"
    __table_args__ = (UniqueConstraint("rule_id", "event_id"), Index("alert_event_alert", "alert_id", "event_at"))
    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id", ondelete="CASCADE"))
    rule_id: Mapped[str] = mapped_column(String(64))
    event_id: Mapped[str] = mapped_column(String(32))
    event_at: Mapped[int] = mapped_column(Micros)
    event: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The event as it was when the rule matched."""
    digest: Mapped[str | None] = mapped_column(String(64))  # of all of it (evidence/plain.py), None if not known


class AlertHistory(Base):
    """Who did what with an alert, in order; rows are never changed."""

    __tablename__ = "alert_history"
    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id", ondelete="CASCADE"), index=True)
    at: Mapped[int] = mapped_column(Micros)
    who: Mapped[str] = mapped_column(String(120))
    """A login, `token:NAME`, or `czujka`."""
    action: Mapped[str] = mapped_column(String(32))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class Feed(Base):
    """Changes in order, for live streams: `id` is the Last-Event-ID of the SSE stream."""

    __tablename__ = "feed"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[int] = mapped_column(Micros)
    kind: Mapped[str] = mapped_column(String(32))
    """`alert.new`, `alert.updated`, `hunt.updated`, `slice.updated`."""
    alert_id: Mapped[int | None] = mapped_column(Integer)


class Outbox(Base):
    """A message on its way out; it leaves this table's queue only when delivered or given up."""

    __tablename__ = "outbox"
    __table_args__ = (UniqueConstraint("alert_id", "channel", "target"), Index("outbox_due", "state", "next_at"))
    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alert.id", ondelete="CASCADE"))
    letter: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    """Of a letter of the box itself, which has no alert: its `name`, which is made once, `subject` and `body`."""
    channel: Mapped[str] = mapped_column(String(16))
    """`email` or `webhook`."""
    target: Mapped[str] = mapped_column(String(255))
    state: Mapped[str] = mapped_column(String(16), default="waiting")
    """`waiting`, `delivered`, `failed`."""
    tries: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[int] = mapped_column(Micros)
    created_at: Mapped[int] = mapped_column(Micros)


class Attempt(Base):
    """One try to deliver a message."""

    __tablename__ = "attempt"
    id: Mapped[int] = mapped_column(primary_key=True)
    outbox_id: Mapped[int] = mapped_column(ForeignKey("outbox.id", ondelete="CASCADE"), index=True)
    at: Mapped[int] = mapped_column(Micros)
    ok: Mapped[bool] = mapped_column()
    detail: Mapped[str] = mapped_column(String(500), default="")


class Loss(Base):
    """The loss ledger: events that are known to be lost, by host, hour and cause."""

    __tablename__ = "loss"
    host: Mapped[str] = mapped_column(String(255), primary_key=True)
    hour: Mapped[int] = mapped_column(Micros, primary_key=True)
    """Start of the hour."""
    cause: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger, default=0)
    """At least so many; 0 where the source knows of a gap but not of its size."""


class GapSeen(Base):
    """Ids of `telemetry_gap` events already in the ledger, so that a replay does not count them twice."""

    __tablename__ = "gap_seen"
    event_id: Mapped[str] = mapped_column(String(32), primary_key=True)


class RuleState(Base):
    """What the pipeline knows of a rule's life."""

    __tablename__ = "rule_state"
    rule_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    matched_at: Mapped[int | None] = mapped_column(Micros)
    tested_at: Mapped[int | None] = mapped_column(Micros)
    """When it last fired on its own events in a recorded self-test."""
    hits: Mapped[int] = mapped_column(BigInteger, default=0)


class RuleDay(Base):
    """What one rule did on one day, by the box's clock."""

    __tablename__ = "rule_day"
    rule_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    day: Mapped[int] = mapped_column(primary_key=True)
    """Days since 1970-01-01 UTC."""
    hits: Mapped[int] = mapped_column(BigInteger, default=0)
    evaluated: Mapped[int] = mapped_column(BigInteger, default=0)
    """Events that its index did not rule out."""
    nanoseconds: Mapped[int] = mapped_column(BigInteger, default=0)
    """What deciding these took; 0 where the engine does not measure."""


class EventKind(Base):
    """A class of events that has arrived; -1 and empty texts stand for none."""

    __tablename__ = "event_kind"
    __table_args__ = (UniqueConstraint("module", "channel", "code", "category"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    module: Mapped[str] = mapped_column(String(255))
    channel: Mapped[str] = mapped_column(String(255))
    code: Mapped[int] = mapped_column(BigInteger)
    category: Mapped[str] = mapped_column(String(255))
    seen_at: Mapped[int] = mapped_column(Micros)
    """When an event of it was last put to the rules."""


class EventDay(Base):
    """How many events of a class arrived on one day, by the box's clock."""

    __tablename__ = "event_day"
    kind_id: Mapped[int] = mapped_column(ForeignKey("event_kind.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[int] = mapped_column(primary_key=True)
    events: Mapped[int] = mapped_column(BigInteger, default=0)


class EventField(Base):
    """A field that events of a class have had, and on which day last."""

    __tablename__ = "event_field"
    kind_id: Mapped[int] = mapped_column(ForeignKey("event_kind.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    day: Mapped[int] = mapped_column()


class RuleStop(Base):
    """A rule that was stopped because it cost too much."""

    __tablename__ = "rule_stop"
    rule_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[int] = mapped_column(Micros)
    share: Mapped[float] = mapped_column(Float)
    """Share of one core that it took."""
    resumed_at: Mapped[int | None] = mapped_column(Micros)
    resumed_by: Mapped[str] = mapped_column(String(120), default="")


class RoleHealth(Base):
    """The last word of a process of the box."""

    __tablename__ = "role_health"
    role: Mapped[str] = mapped_column(String(16), primary_key=True)
    pid: Mapped[int] = mapped_column()
    started_at: Mapped[int] = mapped_column(Micros)
    beat_at: Mapped[int] = mapped_column(Micros)
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """Counters and depths, e.g. {"events": 123, "journal_bytes": 0}."""


class Operation(Base):
    """The operators' audit log: who did what to which part of the box."""

    __tablename__ = "operation"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[int] = mapped_column(Micros)
    who: Mapped[str] = mapped_column(String(120))
    action: Mapped[str] = mapped_column(String(64))
    target: Mapped[str] = mapped_column(String(255), default="")
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class Report(Base):
    """A report that was made: its data as JSON and its file."""

    __tablename__ = "report"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    month: Mapped[str] = mapped_column(String(7))
    language: Mapped[str] = mapped_column(String(2))
    made_at: Mapped[int] = mapped_column(Micros)
    made_by: Mapped[str] = mapped_column(String(120))
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    pdf: Mapped[bytes] = mapped_column(LargeBinary)

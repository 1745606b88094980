"""Making, keeping and listing reports. The only module here that touches the store and the state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from agent import __version__
from appliance.alerts.cards import own_title
from appliance.clock import HOUR
from appliance.evidence.anchors import latest
from appliance.evidence.departure import departed
from appliance.home import Home
from appliance.journal import DeadLetters
from appliance.posture.checks import weights
from appliance.report.month import AlertRow, Inputs, LossRow, Period, month_data, period_of
from appliance.report.month_document import month_document
from appliance.report.posture import Verdicts
from appliance.report.render import pdf
from appliance.report.stations import Station
from appliance.report.vulnerabilities import Compared, Weak
from appliance.settings import Settings
from appliance.state.models import Agent, AgentState, Alert, Loss, Report, RoleHealth
from appliance.state.stations import StationMatched
from appliance.stations.history import verdicts_at
from appliance.stations.kinds import is_sensor
from appliance.store import Store
from appliance.store.classes import ORDINARY
from appliance.vulnerabilities import accepted
from appliance.vulnerabilities.feeds import STALE, Shelf
from appliance.vulnerabilities.history import moved

MAX_STATIONS = 2000


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a report's figures come from."""

    session: Session
    store: Store
    dead_letters: DeadLetters
    settings: Settings
    now: int
    home: Home | None = None
    """Where the evidence chain is, whose newest seal a report prints, and the feeds of vulnerabilities."""


def list_reports(session: Session, limit: int = 100) -> list[Report]:
    """Return the newest reports, without their files."""
    return list(session.scalars(select(Report).order_by(Report.id.desc()).limit(limit)))


def make_month(sources: Sources, month: str, language: str, who: str) -> Report:
    """Make and keep the report of a month written YYYY-MM.

    Raises MonthError when the month is not one, or has not begun.
    """
    data = collect(sources, period_of(month, sources.now), language)
    report = Report(
        kind="month",
        month=month,
        language=language,
        made_at=sources.now,
        made_by=who,
        data=data,
        pdf=pdf(month_document(data, language)),
    )
    sources.session.add(report)
    sources.session.flush()
    return report


def collect(sources: Sources, period: Period, language: str) -> dict[str, Any]:
    """Return the data of a monthly report from store and state."""
    return month_data(
        Inputs(
            period=period,
            made_at=sources.now,
            office=sources.settings.office.name,
            version=__version__,
            retention_days=sources.settings.store.kept_days()[ORDINARY],
            stations=_stations(sources, period),
            alerts=_alerts(sources.session, period, language),
            losses=_losses(sources.session, period),
            events_by_module=_modules(sources.store, period),
            hourly=_hourly(sources.store, period, ""),
            dead_letters=sources.dead_letters.count_between(period.start, period.end),
            rules=_rules(sources.session),
            anchor=_anchor(sources.home),
            anchored=_anchored(sources),
            verdicts=_verdicts(sources.session, period),
            weak=_weak(sources, period),
        )
    )


def _anchor(home: Home | None) -> dict[str, Any] | None:
    newest = latest(home) if home is not None else None
    return newest.seal if newest is not None else None


def _anchored(sources: Sources) -> dict[str, Any] | None:
    told = departed(sources.home, sources.session, sources.settings) if sources.home is not None else None
    return {"left": told.left, "made": told.made, "missing": told.missing} if told is not None else None


def _rules(session: Session) -> int:
    """Return how many rules the pipeline has loaded, by its own word."""
    pipeline = session.get(RoleHealth, "pipeline")
    return int(pipeline.detail.get("rules", 0)) if pipeline is not None else 0


def _hourly(store: Store, period: Period, query: str) -> list[int]:
    hours = -(-(period.end - period.start) // HOUR)
    buckets = store.histogram(query, period.start, period.start + hours * HOUR, hours)
    return [bucket.count for bucket in buckets]


def _modules(store: Store, period: Period) -> dict[str, int]:
    return {str(value): count for value, count in store.top("", "event.module", 20, period.start, period.end)}


def _stations(sources: Sources, period: Period) -> list[Station]:
    rows = sources.session.scalars(
        select(Agent).where(Agent.enrolled_at < period.end).order_by(Agent.hostname, Agent.id).limit(MAX_STATIONS)
    )
    return [
        Station(
            id=agent.id,
            hostname=agent.hostname,
            os=agent.os,
            enrolled_at=agent.enrolled_at,
            seen_at=agent.seen_at,
            revoked=agent.state in {AgentState.REVOKED, AgentState.REPLACED},
            hourly=_hourly(sources.store, period, f'agent.id:"{agent.id}"'),
            sensor=is_sensor(agent),
        )
        for agent in rows
    ]


def _verdicts(session: Session, period: Period) -> Verdicts:
    return Verdicts(
        at_end=verdicts_at(session, period.end, heard_since=period.start),
        at_start=verdicts_at(session, period.start),
        weights=weights(),
    )


def _weak(sources: Sources, period: Period) -> Weak:
    came, went = moved(sources.session, period.start, period.end)
    made_at = Shelf(sources.home.feeds).made_at() if sources.home is not None else None
    return Weak(
        known=accepted.known_at(sources.session, period.end),
        accepted=accepted.in_force_at(sources.session, period.end),
        compared={
            row.agent_id: Compared(row.judged, row.left_out) for row in sources.session.scalars(select(StationMatched))
        },
        came=came,
        went=went,
        feeds_made_at=made_at,
        feeds_old=made_at is not None and sources.now - made_at > STALE,
    )


def _alerts(session: Session, period: Period, language: str) -> list[AlertRow]:
    rows = session.scalars(
        select(Alert)
        .where(Alert.created_at >= period.start, Alert.created_at < period.end)
        .order_by(Alert.level.desc(), Alert.id)
    )
    return [
        AlertRow(
            id=alert.id,
            title=own_title(alert.rule_id, language) or alert.title,
            level=alert.level,
            host=alert.host,
            created_at=alert.created_at,
            received_at=alert.received_at,
            closed_at=alert.closed_at,
            state=alert.state,
            outcome=alert.outcome,
            late=alert.late,
        )
        for alert in rows
    ]


def _losses(session: Session, period: Period) -> list[LossRow]:
    rows = session.execute(
        select(Loss.host, Loss.cause, func.sum(Loss.count))
        .where(Loss.hour >= period.start, Loss.hour < period.end)
        .group_by(Loss.host, Loss.cause)
        .order_by(Loss.host, Loss.cause)
    )
    return [LossRow(host, cause, int(count)) for host, cause, count in rows]

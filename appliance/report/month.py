"""The data of a monthly report. Pure: rows and counts in, one JSON-ready value out. Times are microseconds, UTC."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any

from appliance.clock import HOUR, from_datetime, to_datetime
from appliance.language.dates import WARSAW
from appliance.report.posture import Verdicts, posture_data
from appliance.report.stations import Station
from appliance.report.vulnerabilities import Weak, vulnerabilities_data

TOP_ALERTS = 60
"""Alerts of level high and critical that are listed one by one."""
HIGH = 3


class MonthError(ValueError):
    """The month is not written YYYY-MM, or has not begun."""


@dataclass(frozen=True, slots=True)
class Period:
    """A calendar month in Europe/Warsaw, cut off at the moment the report is made."""

    month: str
    start: int
    end: int

    @property
    def days(self) -> list[str]:
        """ISO dates of the period's days."""
        first, last = _day(self.start), _day(self.end - 1)
        return [str(first + timedelta(days=n)) for n in range((last - first).days + 1)]


@dataclass(frozen=True, slots=True)
class AlertRow:
    """What the report needs of one alert."""

    id: int
    title: str
    level: int
    host: str
    created_at: int
    received_at: int | None
    closed_at: int | None
    state: str
    outcome: str | None
    late: bool


@dataclass(frozen=True, slots=True)
class LossRow:
    """Events lost on one host for one cause within the period; 0 where the size is not known."""

    host: str
    cause: str
    count: int


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that a monthly report is made of."""

    period: Period
    made_at: int
    office: str
    version: str
    retention_days: int
    stations: Sequence[Station]
    alerts: Sequence[AlertRow]
    losses: Sequence[LossRow]
    events_by_module: Mapping[str, int]
    hourly: Sequence[int]
    dead_letters: int
    rules: int
    anchor: Mapping[str, Any] | None = None
    """The newest seal of the evidence chain."""
    anchored: Mapping[str, Any] | None = None
    """Of the daily anchors the ISO days of the newest that was `made` and that `left`, and whether it is `missing`."""
    verdicts: Verdicts = field(default_factory=Verdicts)
    weak: Weak = field(default_factory=Weak)


def period_of(month: str, now: int) -> Period:
    """Return the period of a month written YYYY-MM.

    Raises MonthError when it is not a month, or lies in the future.
    """
    try:
        first = datetime.strptime(month, "%Y-%m").replace(tzinfo=WARSAW)
    except ValueError as error:
        raise MonthError(month) from error
    following = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    start, end = from_datetime(first), min(from_datetime(following), now)
    if start >= now or len(month) != len("2026-01"):
        raise MonthError(month)
    return Period(month, start, end)


def month_data(inputs: Inputs) -> dict[str, Any]:
    """Return the report's data: plain JSON values, no text but names."""
    return {
        "office": inputs.office,
        "version": inputs.version,
        "month": inputs.period.month,
        "from": inputs.period.start,
        "to": inputs.period.end,
        "made_at": inputs.made_at,
        "retention_days": inputs.retention_days,
        "days": _days(inputs.period, inputs.hourly),
        "events": sum(inputs.hourly),
        "sources": dict(sorted(inputs.events_by_module.items())),
        "stations": [_station(station, inputs.period) for station in inputs.stations],
        "posture": posture_data(inputs.stations, inputs.verdicts, inputs.period.start),
        "vulnerabilities": vulnerabilities_data(inputs.stations, inputs.weak),
        "alerts": _alerts(inputs.alerts),
        "losses": [asdict(loss) for loss in inputs.losses],
        "lost": sum(loss.count for loss in inputs.losses),
        "dead_letters": inputs.dead_letters,
        "rules": inputs.rules,
        "anchor": None if inputs.anchor is None else dict(inputs.anchor),
        "anchored": None if inputs.anchored is None else dict(inputs.anchored),
    }


def _day(micros: int) -> date:
    return to_datetime(micros).astimezone(WARSAW).date()


def _days(period: Period, hourly: Sequence[int]) -> dict[str, int]:
    days = dict.fromkeys(period.days, 0)
    for number, count in enumerate(hourly):
        day = str(_day(period.start + number * HOUR))
        if day in days:
            days[day] += count
    return days


def _station(station: Station, period: Period) -> dict[str, Any]:
    """A station is expected to send from the day it was enrolled."""
    days = _days(period, station.hourly)
    expected = [day for day in days if day >= str(_day(max(station.enrolled_at, period.start)))]
    return {
        "id": station.id,
        "hostname": station.hostname,
        "os": station.os,
        "seen_at": station.seen_at,
        "revoked": station.revoked,
        "events": sum(station.hourly),
        "days_expected": len(expected),
        "days_with_data": sum(1 for day in expected if days[day]),
        "silent_days": [day for day in expected if not days[day]],
    }


def _alerts(alerts: Sequence[AlertRow]) -> dict[str, Any]:
    reactions = sorted(alert.received_at - alert.created_at for alert in alerts if alert.received_at)
    closings = sorted(alert.closed_at - alert.created_at for alert in alerts if alert.closed_at)
    high = [alert for alert in alerts if alert.level >= HIGH]
    return {
        "total": len(alerts),
        "by_level": {str(level): sum(1 for alert in alerts if alert.level == level) for level in range(5)},
        "by_state": dict(Counter(alert.state for alert in alerts)),
        "by_outcome": dict(Counter(alert.outcome for alert in alerts if alert.outcome)),
        "reaction_median": median(reactions) if reactions else None,
        "reaction_longest": reactions[-1] if reactions else None,
        "closing_median": median(closings) if closings else None,
        "waiting": sum(1 for alert in alerts if alert.state == "new"),
        "high": [asdict(alert) for alert in high[:TOP_ALERTS]],
        "high_left_out": max(0, len(high) - TOP_ALERTS),
    }

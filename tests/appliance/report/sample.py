"""What a month's report is made of, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from appliance.clock import DAY, from_datetime
from appliance.report.month import Inputs, Period, period_of
from appliance.report.render import Block, Facts, Heading, Para, Table
from appliance.report.stations import Station

NOW = from_datetime(datetime(2026, 11, 21, 12, tzinfo=UTC))
OCTOBER = period_of("2026-10", NOW)


def station(
    period: Period, hourly: list[int], enrolled_at: int | None = None, hostname: str = "PC-1", **values: object
) -> Station:
    """Return a station that was enrolled the day before the period, if nothing else is said."""
    given = {"id": hostname, "os": "Debian 12", "revoked": False, "sensor": False, **values}
    at = period.start - DAY if enrolled_at is None else enrolled_at
    return Station(hostname=hostname, enrolled_at=at, seen_at=NOW, hourly=hourly, **given)  # type: ignore[arg-type]


def inputs(period: Period, **values: object) -> Inputs:
    """Return an empty office's month, with these values instead."""
    given = {
        "period": period,
        "made_at": NOW,
        "office": "Urząd Gminy",
        "version": "1",
        "retention_days": 730,
        "stations": [],
        "alerts": [],
        "losses": [],
        "events_by_module": {},
        "hourly": [],
        "dead_letters": 0,
        "rules": 40,
    }
    return Inputs(**{**given, **values})  # type: ignore[arg-type]


def text_of(blocks: Sequence[Block]) -> str:
    """Return all that blocks say, with ordinary spaces."""
    said: list[str] = []
    for block in blocks:
        if isinstance(block, Para | Heading):
            said.append(block.text)
        elif isinstance(block, Facts | Table):
            said += [block.caption, *block.head, *(" | ".join(row) for row in block.rows)]
    return "\n".join(said).replace("\u00a0", " ")

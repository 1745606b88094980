"""Numbers and times as typed → values: 2026-11-22, now-2h, now/d."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from appliance.clock import DAY, HOUR, MINUTE, SECOND, from_datetime, to_datetime
from appliance.search.errors import QueryError

MAX_NUMBER = 1 << 63
MAX_STEPS = 8
"""Additions and roundings of one relative time."""
Now = Callable[[], int]
"""Returns this moment in microseconds since the epoch."""
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_DECIMAL = re.compile(r"-?[0-9]{1,19}\.[0-9]{1,30}")
_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII
)
_STEP = re.compile(r"([+-])([0-9]{1,6})([smhdwMy])|/([smhdwMy])")
_RELATIVE = re.compile(rf"now(?:(?:{_STEP.pattern}))*")
_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_MONTHS = {"M": 1, "y": 12}
_MONDAY = 4 * DAY
"""The first Monday since the epoch."""


def number(text: str) -> int | float | None:
    """Return the number that a text writes in full, or None; numbers past 2⁶³ count as texts."""
    if _INTEGER.fullmatch(text):
        value = int(text)
        return value if abs(value) < MAX_NUMBER else None
    return float(text) if _DECIMAL.fullmatch(text) else None


def moments(text: str, position: int, now: Now) -> tuple[int, int]:
    """Return the first and the last microsecond that a time means: 2026-11 is all of November, UTC if no zone.

    A relative time begins with `now`. Raises QueryError for what is no time.
    """
    try:
        found = _DATE.fullmatch(text)
        if found:
            return _moments(found)
        if _RELATIVE.fullmatch(text):
            return _relative(text, now())
    except (ValueError, OverflowError):
        raise QueryError(position, "date", tekst=text) from None
    whole = number(text)
    if isinstance(whole, int) and len(text) > 4:
        return whole, whole
    raise QueryError(position, "date", tekst=text)


def _relative(text: str, now: int) -> tuple[int, int]:
    """Apply the steps after `now` in their order; rounded at the end, it means the whole unit."""
    steps = list(_STEP.finditer(text))
    if len(steps) > MAX_STEPS:
        raise ValueError(text)
    at, last = now, now
    for step in steps:
        sign, count, unit, rounded = step.groups()
        if rounded:
            at = _rounded(at, rounded)
            last = _moved(at, 1, rounded) - 1
        else:
            at = last = _moved(at, int(sign + count), unit)
    return at, last


def _moved(at: int, count: int, unit: str) -> int:
    if unit in _UNITS:
        moved = at + count * _UNITS[unit]
        to_datetime(moved)  # raises past the years 1 and 9999
        return moved
    moment = to_datetime(at)
    months = moment.year * 12 + moment.month - 1 + count * _MONTHS[unit]
    year, month = divmod(months, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return from_datetime(moment.replace(year=year, month=month + 1, day=day))


def _rounded(at: int, unit: str) -> int:
    if unit == "w":
        return at - (at - _MONDAY) % (7 * DAY)
    if unit in _UNITS:
        return at - at % _UNITS[unit]
    moment = to_datetime(at)
    first = datetime(moment.year, moment.month if unit == "M" else 1, 1, tzinfo=UTC)
    return from_datetime(first)


def _moments(found: re.Match[str]) -> tuple[int, int]:
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    start = datetime(int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), tzinfo=UTC)
    start += timedelta(seconds=int(second or 0))
    first = from_datetime(start)
    if zone and zone != "Z":
        sign = -1 if zone[0] == "-" else 1
        first -= sign * (int(zone[1:3]) * 60 + int(zone[4:6])) * 60_000_000
    if fraction:
        first += int(fraction[1:].ljust(6, "0"))
        return first, first + 10 ** (7 - len(fraction)) - 1
    return first, first + _seconds(found) * 1_000_000 - 1


def _seconds(found: re.Match[str]) -> int:
    year, month, day, hour, _minute, second, _fraction, _zone = found.groups()
    if second:
        return 1
    if hour:
        return 60
    if day:
        return 86_400
    if month:
        return calendar.monthrange(int(year), int(month))[1] * 86_400
    return (366 if calendar.isleap(int(year)) else 365) * 86_400

"""Time parts of a value (`field|hour: 5`), read in the office's time zone, and the fields that stand for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

#: The time zone of an office that says nothing else.
OFFICE = "Europe/Warsaw"
#: The event key of when something happened.
MOMENT = "@timestamp"

#: What a value must look like to be a time: ISO 8601 with a date and, most often, a time of day. No zone means UTC.
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,]\d{1,9})?)? ?(?:([Zz])|([+-])(\d\d):?(\d\d))?)?",
    re.ASCII,
)
_EPOCH = re.compile(r"\d{9,19}", re.ASCII)
#: Whole numbers since 1970 are seconds, and from each of these on the next smaller unit.
_UNITS = ((10**17, 10**9), (10**14, 10**6), (10**11, 10**3))
_LONGEST = 40

PARTS: Mapping[str, Callable[[datetime], int]] = {
    "minute": lambda moment: moment.minute,
    "hour": lambda moment: moment.hour,
    "day": lambda moment: moment.day,
    "week": lambda moment: moment.isocalendar().week,
    "month": lambda moment: moment.month,
    "year": lambda moment: moment.year,
}
#: Parts that no modifier of Sigma has: the day of the week, Monday is 1.
_PARTS: Mapping[str, Callable[[datetime], int]] = {**PARTS, "weekday": lambda moment: moment.isoweekday()}
#: Fields that every event has: a part of when it happened. A rule asks for them like for any field with numbers.
LOCAL: Mapping[str, str] = {f"czujka.local.{part}": part for part in _PARTS}
#: The smallest and the largest value a part can have.
RANGES: Mapping[str, tuple[int, int]] = {
    "minute": (0, 59),
    "hour": (0, 23),
    "day": (1, 31),
    "week": (1, 53),
    "month": (1, 12),
    "year": (1, 9999),
    "weekday": (1, 7),
}


@lru_cache(maxsize=1024)
def moment(value: str) -> datetime | None:
    """The time that a value means, in UTC, or None when it is no time."""
    if len(value) > _LONGEST:
        return None
    if _EPOCH.fullmatch(value):
        return _since_1970(int(value))
    found = _ISO.fullmatch(value)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    _, sign, hours, minutes = found.groups()[6:]
    try:
        zone = timezone(int(f"{sign or '+'}1") * timedelta(hours=int(hours or 0), minutes=int(minutes or 0)))
        # A leap second belongs to its minute.
        return datetime(
            year, month, day, hour, minute, min(second, 59) if second <= 60 else second, 0, zone
        ).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _since_1970(number: int) -> datetime | None:
    unit = next((unit for least, unit in _UNITS if number >= least), 1)
    try:
        return datetime.fromtimestamp(number // unit, UTC)
    except (ValueError, OverflowError, OSError):
        return None


@lru_cache(maxsize=1024)
def _in_zone(value: str, zone: str) -> datetime | None:
    found = moment(value)
    try:
        return None if found is None else found.astimezone(ZoneInfo(zone))
    except OverflowError:
        # Within hours of the calendar's ends there is no local time.
        return None


def part_of(value: str, part: str, zone: str) -> int | None:
    """One part of the time a value means, by the clocks of a zone; None when it is no time."""
    found = _in_zone(value, zone)
    return None if found is None else _PARTS[part](found)

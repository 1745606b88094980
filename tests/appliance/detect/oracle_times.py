"""The oracle's reading of times: what a text says, and the parts of it by the clocks of Warsaw."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sigma.types import TimestampPart

WARSAW = ZoneInfo("Europe/Warsaw")
LOCAL = {
    f"czujka.local.{name}": code
    for name, code in (
        *(("minute", "%M"), ("hour", "%H"), ("day", "%d"), ("weekday", "%u")),
        *(("week", "%V"), ("month", "%m"), ("year", "%Y")),
    )
}
DATE, CLOCK = "dddd-dd-dd", ("", ":dd", ":dd.f", ":dd,f")
ZONES = ("", "Z", "z", "sdd:dd", "sdddd", " Z", " z", " sdd:dd", " sdddd")
SHAPES = {f"{DATE}{mark}dd:dd{clock}{zone}" for mark in "T " for clock in CLOCK for zone in ZONES} | {DATE}


def part_of(text: str, part: TimestampPart) -> int:
    """A part of a time; ValueError when the text is none."""
    moment = in_office(text)
    code = {"MINUTE": "%M", "HOUR": "%H", "DAY": "%d", "WEEK": "%V", "MONTH": "%m", "YEAR": "%Y"}[part.name]
    return int(moment.strftime(code))


def in_office(text: str) -> datetime:
    try:
        return moment_of(text).astimezone(WARSAW)
    except OverflowError as error:
        raise ValueError(text) from error


def moment_of(text: str) -> datetime:
    if text.isascii() and text.isdigit() and 9 <= len(text) <= 19:
        number = int(text)
        for power in (0, 3, 6, 9):
            if number < 10 ** (11 + power) or power == 9:
                return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=number // 10**power)
    mask = re.sub(r"(?<=[.,])d{1,9}", "f", re.sub("[0-9]", "d", text))
    mask = re.sub(r"(?<=d)[+-](?=dd:?dd$)|(?<= )[+-](?=dd:?dd$)|(?<=f)[+-](?=dd:?dd$)", "s", mask)
    if mask not in SHAPES:
        raise ValueError(text)
    year, month, day, *clock = (int(found) for found in re.findall(r"\d+", text)[:6])
    rest = text[16:]
    seconds = int(rest[1:3]) if rest[:1] == ":" else 0
    if seconds > 60:
        raise ValueError(text)
    hour, minute = (*clock, 0, 0)[:2]
    moment = datetime(year, month, day, hour, minute, min(seconds, 59), tzinfo=UTC)
    zone = re.search(r"([+-])(\d\d):?(\d\d)$", rest)
    if zone:
        sign, hours, minutes = zone.groups()
        away = timedelta(hours=int(hours), minutes=int(minutes))
        if away >= timedelta(days=1):
            raise ValueError(text)
        try:
            moment += away if sign == "-" else -away
        except OverflowError as error:
            raise ValueError(text) from error
    return moment

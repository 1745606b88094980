"""Geometry of the charts that the server draws as SVG: values in, plain figures out.

The templates turn them into elements; nothing here is text, so nothing can need escaping. Units are those of the
view box (WIDTH × HEIGHT), which the stylesheet stretches to the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import floor, log10
from types import MappingProxyType
from zoneinfo import ZoneInfo

from appliance.clock import from_datetime, to_datetime

EMPTY: Mapping[int, int] = MappingProxyType({})
WIDTH = 960
HEIGHT = 120
_LEAST = 1.5
"""A bar that is not nothing is at least so high, so that one event among thousands is still seen."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle; `series` counts from 1 and names its grey."""

    x: float
    y: float
    width: float
    height: float
    series: int


@dataclass(frozen=True, slots=True)
class Span:
    """A tinted stretch behind the bars."""

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Foot:
    """A coloured foot of a column in which something raised an alert of a level."""

    x: float
    width: float
    level: int


@dataclass(frozen=True, slots=True)
class Bars:
    """A bar chart; `top` is the value of the highest line, `half` of the middle one."""

    bars: tuple[Bar, ...]
    nights: tuple[Span, ...]
    top: int
    half: int
    feet: tuple[Foot, ...] = ()


def nice_top(value: int) -> int:
    """Return the smallest 1, 2, 3, 4, 5, 6 or 8 times a power of ten that is not below `value` (at least 2)."""
    if value <= 2:
        return 2
    power: int = 10 ** floor(log10(value))
    return next(step * power for step in (1, 2, 3, 4, 5, 6, 8, 10) if step * power >= value)


def stacked(
    series: Sequence[Sequence[int]], nights: Sequence[bool] = (), gap: float = 0.2, levels: Mapping[int, int] = EMPTY
) -> Bars:
    """Lay out stacked bars: `series[k][i]` is the value of series k in column i; all series are equally long.

    `nights[i]` tints column i; `gap` is the free part of a column; `levels` colours the feet of columns.
    """
    columns = len(series[0]) if series else 0
    if columns == 0:
        return Bars((), (), 2, 1)
    top = nice_top(max(sum(row[i] for row in series) for i in range(columns)))
    step = WIDTH / columns
    bars: list[Bar] = []
    for column in range(columns):
        base = float(HEIGHT)
        for number, row in enumerate(series, 1):
            if row[column] <= 0:
                continue
            height = max(_LEAST, row[column] / top * HEIGHT)
            base -= height
            bars.append(Bar(_r(column * step + step * gap / 2), _r(base), _r(step * (1 - gap)), _r(height), number))
    feet = (
        Foot(_r(column * step + step * gap / 2), _r(step * (1 - gap)), level)
        for column, level in sorted(levels.items())
        if 0 <= column < columns
    )
    return Bars(tuple(bars), _spans(nights, step), top, top // 2, tuple(feet))


def _spans(flags: Sequence[bool], step: float) -> tuple[Span, ...]:
    """Join neighbouring columns whose flag is set."""
    spans: list[Span] = []
    start: int | None = None
    for column, flag in enumerate([*flags, False]):
        if flag and start is None:
            start = column
        elif not flag and start is not None:
            spans.append(Span(_r(start * step), _r((column - start) * step)))
            start = None
    return tuple(spans)


def _r(value: float) -> float:
    return round(value, 2)


def share(part: int, whole: int, width: int = 100) -> float:
    """Return the length of `part` on a rail of `width`; 0 when there is no whole."""
    return _r(width * min(part, whole) / whole) if whole > 0 else 0.0


def hours_back(now: int, count: int, zone: ZoneInfo) -> tuple[int, int]:
    """Return start and end (µs) of the last `count` whole hours, the running one included, on the zone's clock."""
    local = to_datetime(now).astimezone(zone)
    end = from_datetime(local.replace(minute=0, second=0, microsecond=0)) + 3_600_000_000
    return end - count * 3_600_000_000, end


def out_of_hours(start: int, count: int, zone: ZoneInfo) -> list[bool]:
    """Say for each hour from `start` whether it lies outside an office's hours (Monday to Friday, 7 to 16)."""
    return [_closed(to_datetime(start + hour * 3_600_000_000).astimezone(zone)) for hour in range(count)]


def _closed(moment: datetime) -> bool:
    return moment.weekday() >= 5 or not 7 <= moment.hour < 16

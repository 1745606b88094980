"""When the store will be full: the days of the last fortnight go on, old days go in their time. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from appliance.store import DayUsage, Keeping

WINDOW, LEAST, HORIZON = 14, 3, 3650
"""Days of arrival that are looked back on; how many of them there must be; how far to look ahead."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What to expect. `per_day` and `level` are bytes; `full` is a day since 1970, None when it will not be full."""

    per_day: int
    level: int
    """The size at which what goes equals what comes, or that of the day on which it is full."""
    full: int | None


def forecast(days: Sequence[DayUsage], today: int, keeping: Keeping) -> Forecast | None:
    """Return it, None where the last fortnight has fewer than three whole days: too little to tell.

    What a hold keeps is taken for what goes, so with a hold the disk may be full earlier.
    """
    if keeping.max_bytes is None:
        return None
    first = max(min((one.day for one in days), default=today), today - WINDOW)
    whole = [one for one in days if first <= one.day < today]
    if today - first < LEAST or len({one.day for one in whole}) < LEAST:
        return None
    rates: dict[str, float] = defaultdict(float)
    for one in whole:
        rates[one.source_class] += one.bytes / (today - first)
    going: dict[int, int] = defaultdict(int)
    for one in days:
        going[one.day + keeping.of(one.source_class) + 1] += one.bytes
    size, level, per_day = float(sum(one.bytes for one in days)), 0.0, sum(rates.values())
    for step in range(1, HORIZON + 1):
        size += per_day - going[today + step]
        size -= sum(rate for name, rate in rates.items() if step > keeping.of(name) + 1)
        level = max(level, size)
        if size > keeping.max_bytes:
            return Forecast(round(per_day), round(size), today + step)
    return Forecast(round(per_day), round(level), None)

"""The bars above a table of events: divided by a field or by the level of alerts, with the same figures as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from appliance.clock import DAY
from appliance.language import dates
from appliance.web.charts import Bars, stacked
from appliance.web.pages.views.asking import Asking

BUCKETS = 96
TICKS = 8
LEVELS = range(4, -1, -1)
"""Levels of alerts, the worst first and lowest in the bars."""
_GREYS = ("v0", "v1", "v2", "v3")
_GAP = 0.15


@dataclass(frozen=True, slots=True)
class Part:
    """One shade of the bars: a value of the field (empty for what the others leave), or a level."""

    text: str
    counts: Sequence[int]
    address: str = ""
    """The search for this part alone."""
    level: int | None = None

    @property
    def total(self) -> int:
        """How many events it has."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table: a piece of time that has events, the count of each part, and the search for it."""

    label: str
    counts: tuple[int, ...]
    total: int
    address: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """Bars between two moments in microseconds, with their legend and table."""

    start: int
    end: int
    chart: Bars
    parts: tuple[Part, ...]
    shades: tuple[str, ...]
    ticks: tuple[str, ...]
    lines: tuple[Line, ...]


def width_of(start: int, end: int) -> int:
    """Return the microseconds of one bar."""
    return -(-(end - start) // BUCKETS)


def rest(whole: Sequence[int], parts: Sequence[Sequence[int]]) -> list[int]:
    """Return what the parts leave of the whole; an event with several values is in several parts, so never below 0."""
    return [max(0, count - sum(part[at] for part in parts)) for at, count in enumerate(whole)]


def by_level(moments: Sequence[tuple[int, int]], start: int, end: int) -> list[Part]:
    """Return a part for each level that (time, level) of alerted events have."""
    counts = {level: [0] * BUCKETS for level in LEVELS}
    for at, level in moments:
        place = (at - start) // width_of(start, end)
        if 0 <= place < BUCKETS:
            counts[level][place] += 1
    return [Part("", counts[level], level=level) for level in LEVELS if any(counts[level])]


def histogram(
    asked: Asking, start: int, end: int, parts: Sequence[Part], feet: Mapping[int, int], lang: str
) -> Histogram:
    """Lay the bars out; `feet` gives the worst level of alerts of a bar."""
    width = width_of(start, end)
    shades = tuple(f"hot sev-{part.level}" if part.level is not None else _GREYS[at] for at, part in enumerate(parts))
    columns = [tuple(part.counts[at] for part in parts) for at in range(BUCKETS)]
    return Histogram(
        start,
        end,
        stacked([part.counts for part in parts], gap=_GAP, levels=feet),
        tuple(parts),
        shades if len(parts) > 1 or parts[0].level is not None else ("v1",),
        tuple(_tick(start + place * (end - start) // TICKS, end - start, lang) for place in range(TICKS)),
        tuple(
            Line(
                dates.short_moment(start + at * width, lang),
                counts,
                sum(counts),
                asked.between(start + at * width, start + (at + 1) * width),
            )
            for at, counts in enumerate(columns)
            if any(counts)
        ),
    )


def _tick(at: int, span: int, lang: str) -> str:
    return dates.day(at, lang) if span > 3 * DAY else dates.clock(at, lang)

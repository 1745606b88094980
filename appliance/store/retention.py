"""Which days of arrival go. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from appliance.clock import DAY, to_datetime
from appliance.store.manifest import Segment
from appliance.store.model import Retained

Chosen = list[tuple[int, str, list[Segment]]]


def choose(segments: Sequence[Segment], today: int, days: int, max_bytes: int | None) -> Chosen:
    """Return (day, reason, segments) to delete, oldest day first: reason `age`, then `size`.

    A day is a day of arrival, so that neither a wrong clock on a station nor an import of old logs decides. Today
    is never deleted.
    """
    total = sum(segment.bytes for segment in segments)
    chosen: Chosen = []
    for day, group in groupby(sorted(segments, key=lambda one: one.day), key=lambda one: one.day):
        if day >= today:
            break
        aged = day < today - days
        if not aged and (max_bytes is None or total <= max_bytes):
            break
        parts = list(group)
        total -= sum(segment.bytes for segment in parts)
        chosen.append((day, "age" if aged else "size", parts))
    return chosen


def summary(chosen: Chosen) -> Retained:
    """Return the totals of a choice."""
    parts = [segment for _, _, group in chosen for segment in group]
    upto = to_datetime(chosen[-1][0] * DAY).strftime("%Y-%m-%d") if chosen else None
    return Retained(sum(one.rows for one in parts), sum(one.bytes for one in parts), len(parts), upto)

"""How long the box believes what a station said. Pure.

An agent says each verdict, and what each section should be, at least once a day. What it has not said for longer than
two days is not known any more: the station is away, its inventory does not run, or somebody switched it off.
"""

from __future__ import annotations

from appliance.clock import DAY

BELIEVED = 2 * DAY
STALE = "stale"
"""The reason of a verdict, or of a comparison, that rests on what was not said again."""


def is_stale(told_at: int, now: int) -> bool:
    """Tell whether what was said at a moment of the box's clock is too old to be believed; times in microseconds."""
    return now - told_at > BELIEVED

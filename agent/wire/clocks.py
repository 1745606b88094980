"""How far a sender's clock is from the box's, measured by each exchange: half the way there and back is the error.

Nobody's times are changed by it: it is told to the box, shown to people, and an event when it is much.
"""

from __future__ import annotations

import re
from typing import NamedTuple

TIME_HEADER = "X-Czujka-Time"
"""The box's clock when it answered, in microseconds since the epoch."""
CLOCK_HEADER = "X-Czujka-Clock"
"""What the sender measured by its last exchange, as `Measured.text` writes it."""
MOST = 36_500 * 86_400_000_000
"""A hundred years: a difference beyond it is taken as this much."""
MUCH, LITTLE = 60_000_000, 30_000_000
"""A difference above the first, in microseconds, is told; below the second it is over."""
_STEP = 1_000_000
_FORM = re.compile(r"(-?\d{1,19}) (\d{1,19})")


class Measured(NamedTuple):
    """By how much the sender's clock is behind the box's (below zero: ahead), and the time of the exchange, in µs."""

    offset: int
    rtt: int

    @property
    def text(self) -> str:
        """Return the header's text."""
        return f"{self.offset} {self.rtt}"

    @property
    def least(self) -> int:
        """Return how much the clocks differ at least."""
        return max(0, abs(self.offset) - self.rtt // 2)


def measure(sent: int, answered: int, elapsed: int, time: str | None) -> Measured | None:
    """Return what one exchange tells: sender's clock before and after, its duration by a clock that never jumps, µs.

    None without the box's time, and when the sender's clock was set or the machine slept meanwhile.
    """
    if time is None or not time.isascii() or not time.isdigit() or len(time) > 18:
        return None
    if abs(answered - sent - elapsed) > _STEP:
        return None
    return Measured(_bounded(int(time) - sent - elapsed // 2), max(0, elapsed))


def parse_measured(text: str | None) -> Measured | None:
    """Read a header; None when there is none or it has another form."""
    found = _FORM.fullmatch(text) if text is not None and text.isascii() else None
    return Measured(_bounded(int(found[1])), min(int(found[2]), MOST)) if found else None


def _bounded(offset: int) -> int:
    return max(-MOST, min(MOST, offset))


class Skew:
    """Says when a difference is news: it has become much, much more or less, or is over."""

    def __init__(self) -> None:
        self._told: int | None = None

    def news(self, now: Measured) -> bool:
        """Say whether this is to be told; `told` then remembers it."""
        if self._told is None:
            return now.least > MUCH
        return abs(now.offset) + now.rtt // 2 < LITTLE or abs(now.offset - self._told) - now.rtt // 2 > MUCH

    def told(self, now: Measured) -> None:
        """Remember what was told."""
        self._told = now.offset if abs(now.offset) >= LITTLE else None

"""A wall clock that somebody set, told from a machine that slept: while it sleeps only one of its clocks stands still.

Facts: clock_gettime(2): CLOCK_MONOTONIC does not count the time in which a Linux sleeps, CLOCK_BOOTTIME does. Python's
monotonic clock of Windows counts it; agent/windows/clocks.py has both.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import NamedTuple

TOLERANCE = 2.0
"""Seconds that clocks may part between two looks without a word."""
_TRIES = 3


class Jump(NamedTuple):
    """By how much the wall clock was set, and how long the machine slept, in seconds; 0 for neither."""

    set: float
    slept: float


def since_boot() -> float:
    """Return the seconds since the machine started, its sleep included."""
    if sys.platform == "win32":
        from agent.windows import clocks  # noqa: PLC0415 (on Windows alone)

        return clocks.since_boot()
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def awake() -> float:
    """Return seconds that the machine's sleep does not count in."""
    if sys.platform == "win32":
        from agent.windows import clocks  # noqa: PLC0415 (on Windows alone)

        return clocks.awake()
    return time.monotonic()


class ClockWatch:
    """Compares three clocks, each in seconds: the wall's, one that counts sleep, one that does not."""

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        boot: Callable[[], float] = since_boot,
        awake: Callable[[], float] = awake,
    ) -> None:
        self._wall, self._boot, self._awake = wall, boot, awake
        self._last = self._apart()

    def look(self) -> Jump:
        """Return what happened since the last look."""
        before, self._last = self._last, self._apart()
        wall, sleep = (now - then for now, then in zip(self._last, before))
        return Jump(wall if abs(wall) > TOLERANCE else 0.0, sleep if sleep > TOLERANCE else 0.0)

    def _apart(self) -> tuple[float, float]:
        """Return by how much the clocks are apart, read again where the process stood still between two of them."""
        for _ in range(_TRIES):
            boot, wall, awake = self._boot(), self._wall(), self._awake()
            if self._boot() - boot < TOLERANCE / 2:
                break
        return wall - boot, boot - awake

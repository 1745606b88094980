"""How long to wait after failures: doubling, bounded, jittered so that many agents do not come back at once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

FIRST, LAST = 1.0, 300.0
"""Seconds after the first failure, and at most."""


class Backoff:
    """Counts failures in a row."""

    def __init__(self, first: float = FIRST, last: float = LAST, chance: random.Random | None = None) -> None:
        self._first, self._last = first, last
        self._chance = chance or random.Random()  # noqa: S311 (jitter needs no secrecy)
        self.failures = 0

    def failed(self, asked: float | None = None) -> float:
        """Count a failure and return the seconds to wait; never less than the box `asked` for."""
        ceiling = min(self._last, self._first * float(1 << min(self.failures, 20)))
        self.failures += 1
        wait = ceiling * self._chance.uniform(0.5, 1.0)
        return wait if asked is None else asked + min(wait, asked * 0.25)

    def worked(self) -> None:
        """Forget the failures."""
        self.failures = 0


class Pause:
    """Says when something that failed may be tried again: ever later while it fails."""

    def __init__(self, backoff: Backoff, clock: Callable[[], float] = time.monotonic) -> None:
        self._backoff, self._clock = backoff, clock
        self._until = 0.0

    @property
    def over(self) -> bool:
        """Whether it may be tried now."""
        return self._clock() >= self._until

    def failed(self) -> None:
        """Note that it failed."""
        self._until = self._clock() + self._backoff.failed()

    def worked(self) -> None:
        """Note that it worked."""
        self._backoff.worked()


def of_checks() -> Pause:
    """Return the pause between checks of signatures that cannot be made: each starts a process."""
    return Pause(Backoff(30.0, 600.0))

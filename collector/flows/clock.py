"""The time by which flows are silent: it follows the packets' times, but clocks are set, and single packets lie."""

from __future__ import annotations

BACK = 30_000_000_000
"""Nanoseconds by which times may go back without the clock having been set: merged files, several cards."""
FAR = 86_400_000_000_000
"""Nanoseconds of a leap forward that is believed only when what follows is as late."""


class Clock:
    """`now` in nanoseconds never goes back. What packets say is moved by `offset` to fit it."""

    def __init__(self) -> None:
        self.now = self.offset = 0
        self._other = 0
        self._doubted: int | None = None

    @property
    def doubts(self) -> bool:
        """Whether the latest times are so far ahead that nothing ends by them yet."""
        return self._doubted is not None

    def take(self, first: int, latest: int) -> bool:
        """Take the first and the latest time of packets that came together (nanoseconds of Unix time).

        Returns whether what was doubted turns out wrong: nobody is to wait for its times.
        """
        here = first + self.offset
        if not self.now:
            self.now = here
        if abs(here - self.now) > BACK and abs(first + self._other - self.now) <= BACK:
            # Back to the clock before the last step: two clocks take turns, or a step was undone.
            self.offset, self._other = self._other, self.offset
        elif here < self.now - BACK:
            self._other, self.offset = self.offset, self.now - first
        elif here > self.now + FAR and not (self._doubted is not None and here >= self._doubted - BACK):
            self._doubted = here
            return False
        wrong = self._doubted is not None and first + self.offset < self._doubted - BACK
        self._doubted = None
        self.now = max(self.now, latest + self.offset)
        return wrong

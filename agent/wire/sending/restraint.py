"""Doing less before doing harm: how important a record must be to be read now, by what waits and by what we use.

Three grades, by the priority of records: at 3 all is read, at 2 what is least important is left at its source, at 1
only what rules decide on is read. Pure; the loop asks it every round.
"""

from __future__ import annotations

from typing import NamedTuple

from agent.wire.sending.sensor import ALERTING, LEAST, USUAL

SPOOL_BUSY, SPOOL_FULL = 0.7, 0.9
"""Shares of the spool's bound past which the least important records, and then all but the first, are left."""
SPOOL_EASE = 0.1
"""So much further below a mark the spool must fall before reading goes on, so that it does not go to and fro."""
MEMORY = 48 << 20
"""Bytes of this process past which it does less; the promise is 30 MB on Linux, 45 MB on Windows."""
MEMORY_WINDOWS = 64 << 20
SHARE_OF_LIMIT = 0.8
"""The same as a share of what the control group allows."""
CORE = 0.10
"""Share of a core, over a minute, past which it does less."""
CALM_ROUNDS = 5
"""Minutes in a row without excess after which one grade is given back."""


class Usage(NamedTuple):
    """What a minute showed: bytes resident, share of a core."""

    memory: int
    core: float


class Bounds(NamedTuple):
    """What one may use."""

    memory: int
    core: float


class Change(NamedTuple):
    """A grade that changed: records up to this priority are read; why; what was measured and its bound."""

    priority: int
    reason: str
    value: int
    bound: int


def bounds(platform: str, memory_limit: int | None, cores_limit: float | None) -> Bounds:
    """Return what this process may use where the system sets such limits."""
    memory = MEMORY_WINDOWS if platform == "win32" else MEMORY
    if memory_limit is not None:
        memory = min(memory, int(memory_limit * SHARE_OF_LIMIT))
    return Bounds(memory, CORE if cores_limit is None else min(CORE, cores_limit * SHARE_OF_LIMIT))


class Restraint:
    """Which priority is still read. `exhausted` says that even the last grade did not help against its own use."""

    def __init__(self, allowed: Bounds) -> None:
        self._allowed = allowed
        self._spool = self._own = LEAST
        self._calm = self._over = 0
        self.exhausted = False

    @property
    def priority(self) -> int:
        """The least important priority that is read."""
        return min(self._spool, self._own)

    def spool(self, share: float) -> Change | None:
        """Take how much of the spool's bound is used, 0 to 1; return the change of the grade that follows."""
        before = self.priority
        eased = SPOOL_EASE if self._spool < LEAST else 0.0
        if share > SPOOL_FULL or (self._spool == ALERTING and share > SPOOL_FULL - eased):
            self._spool = ALERTING
        elif share > SPOOL_BUSY or (self._spool < LEAST and share > SPOOL_BUSY - eased):
            self._spool = USUAL
        else:
            self._spool = LEAST
        return self._changed(before, "spool", int(share * 100), int(SPOOL_BUSY * 100))

    def minute(self, used: Usage) -> Change | None:
        """Take what the last minute showed; return the change of the grade that follows."""
        before = self.priority
        reason, value, bound = self._excess(used)
        if reason:
            self._calm = 0
            self._over += 1
            self.exhausted = reason == "memory" and self._own == ALERTING and self._over > CALM_ROUNDS
            self._own = max(ALERTING, self._own - 1)
        else:
            self._over = 0
            self._calm += 1
            if self._calm >= CALM_ROUNDS and self._own < LEAST:
                self._calm, self._own = 0, self._own + 1
        return self._changed(before, reason or "calm", value, bound)

    def _excess(self, used: Usage) -> tuple[str, int, int]:
        if used.memory > self._allowed.memory:
            return "memory", used.memory, self._allowed.memory
        if used.core > self._allowed.core:
            return "processor", int(used.core * 100), int(self._allowed.core * 100)
        return "", used.memory, self._allowed.memory

    def _changed(self, before: int, reason: str, value: int, bound: int) -> Change | None:
        return None if self.priority == before else Change(self.priority, reason, value, bound)

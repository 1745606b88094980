"""The agent's care for its host: its sign of life, what it uses, and what it leaves unread before it uses too much."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from agent.wire.event import Record
from agent.wire.sending import footprint
from agent.wire.sending.restraint import Change, Restraint, Usage, bounds
from agent.wire.sending.sensor import Restrained, Sensor
from agent.wire.sending.watchdog import Watchdog

LOG = logging.getLogger(__name__)
MINUTE = 60.0


class Meter(NamedTuple):
    """Where use is read: bytes resident, seconds of computing, monotonic seconds."""

    memory: Callable[[], int] = footprint.memory
    processor: Callable[[], float] = footprint.processor
    clock: Callable[[], float] = time.monotonic


_METER = Meter()


class Care:
    """Asked by the main loop at each turn and each round. Without `own_use` only the spool makes it read less."""

    def __init__(self, watchdog: Watchdog, *, own_use: bool, meter: Meter = _METER) -> None:
        self.watchdog = watchdog
        self.limits = footprint.limits()
        self._restraint = Restraint(bounds(sys.platform, *self.limits))
        self._own_use, self._meter = own_use, meter
        self._minute = meter.clock()
        self._spent = meter.processor()
        self.used = Usage(meter.memory(), 0.0)

    @property
    def priority(self) -> int:
        """The least important priority that is read now."""
        return self._restraint.priority

    @property
    def exhausted(self) -> bool:
        """Whether the process had better end in order than be ended by the system."""
        return self._restraint.exhausted

    def facts(self) -> dict[str, int]:
        """Return what a heartbeat says of it: bytes, thousandths of a core, the priority that is still read."""
        return {"memory": self.used.memory, "core": int(self.used.core * 1000), "reads": self.priority}

    def told(self) -> Record:
        """Return the bounds that the system sets, as the event of the start says them."""
        named = {"agent.limit.memory": self.limits.memory, "agent.limit.cores": self.limits.cores}
        return {name: value for name, value in named.items() if value is not None}

    def round(self, share: float, sensors: Iterable[Sensor]) -> list[Change]:
        """Look at the spool (0 to 1 of its bound is used) and, each minute, at this process; tell the sensors."""
        changes = [self._restraint.spool(share), self._own_minute()]
        made = [change for change in changes if change is not None]
        for change in made:
            LOG.warning("reads_priority=%d reason=%s value=%d", change.priority, change.reason, change.value)
        if made:
            self.tell(sensors)
        return made

    def tell(self, sensors: Iterable[Sensor]) -> None:
        """Tell the sensors that can leave their sources alone what to read."""
        for sensor in sensors:
            if isinstance(sensor, Restrained):
                sensor.restrain(self.priority)

    def _own_minute(self) -> Change | None:
        now = self._meter.clock()
        passed = now - self._minute
        if passed < MINUTE:
            return None
        spent = self._meter.processor()
        self.used = Usage(self._meter.memory(), (spent - self._spent) / passed)
        self._minute, self._spent = now, spent
        return self._restraint.minute(self.used) if self._own_use else None


def change_fields(change: Change) -> Record:
    """Return what the event of a change says."""
    return {
        "agent.reads_priority": change.priority,
        "agent.throttle.reason": change.reason,
        "agent.throttle.value": change.value,
        "agent.throttle.bound": change.bound,
    }

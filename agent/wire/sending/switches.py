"""What the policy in force lets through: of what is read, and of what already waits to be sent."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence

from agent.wire.event import Record
from agent.wire.sending.kept_policy import KeptPolicy
from agent.wire.sending.sensor import Availability, Gap, Sensor, Switched
from agent.wire.sending.spool import Spool, Spooled, spooled

AT_ONCE = 200
"""Records that are judged again in one step, which takes some 10 ms."""
_STATE = "let_through"


class Switches:
    """For the main loop, but for `settled`, which any thread may ask."""

    def __init__(self, spool: Spool, policy: KeptPolicy) -> None:
        self._spool, self._policy = spool, policy
        self._done = spool.state(_STATE) or ""
        self._doing, self._at = "", 0
        self._blind_since = time.time_ns() // 1000 if policy.lost else 0

    @property
    def settled(self) -> bool:
        """Whether all that waits was let through by the policy in force; until then nothing is to be sent."""
        return not self._policy.lost and self._done == self._policy.mark

    @property
    def behind(self) -> bool:
        """Whether `narrow` has something to do; while the policy is lost it has not, for what it forbids is unknown."""
        return not self._policy.lost and not self.settled

    def blind_time(self, now: int) -> list[Gap]:
        """Return, once, the time in which nothing was collected because the policy could not be read."""
        since = self._blind_since
        if not since or self._policy.lost:
            return []
        self._blind_since = 0
        return [Gap("policy_lost", 0, since, now)]

    def off(self, sensor: str) -> Availability | None:
        """Return what a sensor is while nothing that it brings is on, None when something is."""
        if self._policy.wants(sensor):
            return None
        return Availability("off", "sensor.reason.policy_lost" if self._policy.lost else "sensor.reason.policy")

    def tell(self, sensors: Iterable[Sensor]) -> None:
        """Tell the sensors that must know it what is off."""
        for sensor in sensors:
            if isinstance(sensor, Switched):
                sensor.switch(self._policy.now.categories)

    def permitted(self, record: Record) -> Record | None:
        """Return what of a record may be kept, None for nothing."""
        return self._policy.permitted(record)

    def narrow(self, held: Sequence[Spooled]) -> list[Spooled]:
        """Judge what waits by the policy in force, a step at each call until it is `settled`; raises SpoolFull.

        Returns what stays of what is `held` in memory. A batch under way stays as it is, for the box may have it.
        """
        mark = f"{self._spool.name} {self._policy.mark}"
        kept = list(held)
        if mark != self._doing:
            kept = [one for one in (self._of_held(each) for each in held) if one is not None]
            self._at = 0
        self._doing = mark
        self._at = self._spool.revise(self._at, AT_ONCE, self._judged)
        if not self._at:
            self._doing, done = "", mark.partition(" ")[2]
            self._spool.set_state(_STATE, done)
            self._done = done
        return kept

    def _of_held(self, one: Spooled) -> Spooled | None:
        body = self._judged(one.body)
        return None if body is None else one._replace(body=body)

    def _judged(self, body: bytes) -> bytes | None:
        """Return an encoded record as it may be sent, None when it may not be; raises ValueError for what is none."""
        record = json.loads(body)
        kept = self._policy.permitted(record)
        return None if kept is None else body if kept == record else spooled(kept, 0).body

"""Rate limits: token buckets by name, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

MAX_NAMES = 10_000


class Buckets:
    """One bucket a name: `burst` requests at once, then `rate` a second. `clock` gives monotonic seconds."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float]) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> float:
        """Take one token. Return 0, or the seconds until there is one."""
        moment = self._clock()
        level, since = self._levels.pop(name, (float(self._burst), moment))
        level = min(float(self._burst), level + (moment - since) * self._rate)
        taken = level >= 1
        self._levels[name] = (level - 1 if taken else level, moment)
        # The name that was seen longest ago goes first: its bucket is the fullest.
        if len(self._levels) > MAX_NAMES:
            self._levels.popitem(last=False)
        return 0.0 if taken else (1 - level) / self._rate

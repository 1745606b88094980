"""How long the questions of one request may take together, and who may stop them.

    with bounded(seconds=5, stop=flag):
        reader.count(…)
        reader.top(…)

Every question asked inside, by the same thread or task, ends by then; set the flag from anywhere to stop it at once.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from appliance.store.model import QueryStopped, QueryTimeout

_AGAIN = 0.05
"""Seconds between two looks at the flag."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """A moment of the monotonic clock in seconds by which all is over, and a flag that ends it before."""

    deadline: float = math.inf
    stop: threading.Event | None = None

    def within(self, seconds: float) -> Bounds:
        """Return the tighter of these bounds and a number of seconds from now."""
        return Bounds(min(self.deadline, time.monotonic() + seconds), self.stop)

    def left(self) -> float:
        """Return the seconds until the deadline, 0 past it."""
        return max(0.0, self.deadline - time.monotonic())

    def over(self) -> bool:
        """Return whether the time is up or somebody has stopped it."""
        return self.left() == 0 or (self.stop is not None and self.stop.is_set())

    def check(self) -> None:
        """Raise QueryStopped or QueryTimeout when it is over."""
        if self.over():
            raise self.fault()

    def fault(self) -> QueryTimeout:
        """Return what to raise when it is over."""
        if self.stop is not None and self.stop.is_set():
            return QueryStopped("stopped by the one who asked")
        return QueryTimeout("stopped because its time was up")

    def nap(self) -> float:
        """Return the seconds after which to look again whether it is over."""
        if self.stop is not None or self.left() == 0:
            return _AGAIN
        return self.left()


_CURRENT: ContextVar[Bounds] = ContextVar("bounds", default=Bounds())  # noqa: B039 - frozen


@contextmanager
def bounded(seconds: float = math.inf, stop: threading.Event | None = None) -> Iterator[None]:
    """Bound every question asked inside; bounds around it hold as well, the nearest flag counts."""
    outer = _CURRENT.get()
    token = _CURRENT.set(Bounds(outer.deadline, stop or outer.stop).within(seconds))
    try:
        yield
    finally:
        _CURRENT.reset(token)


def current() -> Bounds:
    """Return the bounds of this thread or task."""
    return _CURRENT.get()

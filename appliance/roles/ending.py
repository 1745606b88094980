"""How a role is asked to end."""

from __future__ import annotations

import signal
from collections.abc import Callable


def when_asked(act: Callable[[], object]) -> None:
    """Call `act` in the main thread at each SIGTERM and SIGINT, in place of what was called before."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: act())

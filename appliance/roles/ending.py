"""How a role is asked to end."""

from __future__ import annotations

import signal
from collections.abc import Callable

END_SECONDS = 12
"""How long a role may take to end: longer than its supervisor waits, which is not always there to end it."""


def when_asked(act: Callable[[], object], seconds: int = END_SECONDS) -> None:
    """Call `act` in the main thread at each SIGTERM and SIGINT, in place of what was called before."""

    def asked(*_: object) -> None:
        in_time(seconds)
        act()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, asked)


def in_time(seconds: int = END_SECONDS) -> None:
    """Let the kernel end this process when it has not ended by then, whatever its threads wait for."""
    signal.alarm(seconds)

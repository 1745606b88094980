"""Whether now is a good moment to start as another version: pure.

The agent's restart is short, but a version on trial that loses its power counts a failed start, and somebody who talks
to an audience should not wait for a disk that unpacks.
"""

from __future__ import annotations

from typing import NamedTuple

from agent.wire.update import BUSY, POWER

LEAST_CHARGE = 50
"""Percent of charge from which on a laptop updates on its battery, too."""
BUSY_MOST = 8 * 3600.0
"""Seconds, a day of work, after which a screen that is kept on holds nothing up: some always are."""


class Surroundings(NamedTuple):
    """What is known of the computer now; what is not known holds nothing up."""

    on_battery: bool = False
    charge: int | None = None
    """Percent."""
    screen_kept_on: bool = False
    """Whether a program keeps it on, as meetings and presentations do."""


def hindrance(around: Surroundings, held: float) -> str:
    """Return why an update that was wanted `held` seconds ago does not start now; empty when it may."""
    if around.on_battery and (around.charge is None or around.charge < LEAST_CHARGE):
        return POWER
    if around.screen_kept_on and held < BUSY_MOST:
        return BUSY
    return ""

"""A process that is ready to work on many events."""

from __future__ import annotations

import gc
import sys

THRESHOLDS = (50_000, 20, 100)
"""How rarely garbage is looked for: the events in flight are many, and hardly any of them are part of a cycle."""
SWITCH_SECONDS = 0.001
"""After how long a thread lets others run: those that read and write connections must not wait for long."""


def settle() -> None:
    """Settle a process that is ready to work: what it has loaded stays, and garbage is looked for rarely."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)

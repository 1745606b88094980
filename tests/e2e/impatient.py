"""The sensor, impatient: `python -m tests.e2e.impatient run …` takes in seconds what it has hours of patience for.

Only how long something must last is less; its clocks and all else are the sensor's own.
"""

from __future__ import annotations

import sys

from collector.__main__ import main
from collector.analysers import devices, long
from collector.flows.ending import Patience

_SECOND = 1_000_000_000

if __name__ == "__main__":
    long.HOURS = 3 / 3600  # type: ignore[assignment]  # whole hours there
    devices.PATIENCE = 3_000_000
    Patience.__new__.__defaults__ = (*Patience()[:-1], 2 * _SECOND)
    sys.exit(main())

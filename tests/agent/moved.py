"""The agent as it is, on clocks that a file moves: `python -m tests.agent.moved FILE run --home FOLDER`.

The file has two numbers, seconds: by how much the wall clock is put forward, and for how long the machine has slept,
which moves the wall clock and the clock that counts sleep alike. The round in which the agent looks at its
clocks is short.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

_wall, _nanoseconds, _clock = time.time, time.time_ns, time.clock_gettime
_file = Path(sys.argv[1])


def moved() -> tuple[float, float]:
    """Return the two numbers."""
    put, slept = _file.read_text("ascii").split()
    return float(put), float(slept)


def _gettime(clock: int) -> float:
    return _clock(clock) + (moved()[1] if clock == time.CLOCK_BOOTTIME else 0.0)


def main() -> int:
    """Move the clocks, then be the agent."""
    time.time = lambda: _wall() + sum(moved())
    time.time_ns = lambda: _nanoseconds() + int(sum(moved()) * 1e9)
    time.clock_gettime = _gettime
    # Only now, for some take their clocks when they are loaded.
    from agent.__main__ import main as run  # noqa: PLC0415 - after the clocks
    from agent.wire.sending import runner  # noqa: PLC0415 - after the clocks

    runner.ROUND = 0.5
    return run(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())

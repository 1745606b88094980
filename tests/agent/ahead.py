"""A program on clocks that are ahead of the machine's: `python -m tests.agent.ahead FILE MODULE ARGUMENT…`.

The file has a number, seconds, and may be replaced by another while the program runs.
"""

from __future__ import annotations

import runpy
import sys
import time
from collections.abc import Callable
from pathlib import Path

_wall, _wall_ns, _awake, _awake_ns, _gettime = (
    time.time, time.time_ns, time.monotonic, time.monotonic_ns, time.clock_gettime,
)  # fmt: skip


def install(passed: Callable[[], int], put: Callable[[], int] = lambda: 0) -> None:
    """Move the clocks of all that is loaded from now on: so many seconds passed, the wall's was put forward besides."""
    time.time = lambda: _wall() + passed() + put()
    time.time_ns = lambda: _wall_ns() + (passed() + put()) * 10**9
    time.monotonic = lambda: _awake() + passed()
    time.monotonic_ns = lambda: _awake_ns() + passed() * 10**9
    time.clock_gettime = lambda clock: _gettime(clock) + passed()


if __name__ == "__main__":
    _, _file, *sys.argv = sys.argv
    install(lambda: int(Path(_file).read_text("ascii")))
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)

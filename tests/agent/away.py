"""An agent with one source, on clocks that move as it is told: `python -m tests.agent.away FOLDER PASSED PUT`.

Each line of the standard input is a step: by how many seconds all clocks go on, and by how many the wall clock alone is
put forward. At each step the source has so many records of each priority; it has none that it could leave unread.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from agent.wire.sending.sensor import About, Availability, Bookmark, Item, Reading
from tests.agent import ahead

A_STEP = {1: 9, 2: 40, 3: 30}
"""Records a step by priority."""
_FILLING = "y" * 120


class Steps:
    """The source. Its records bear their priority and a number, which is the same when a step is read again."""

    about = About("steps", "kroki", "steps")

    def __init__(self, passed: int, put: int) -> None:
        self.passed, self.put = passed, put
        self._step, self._rest = 0, b""

    def availability(self) -> Availability:
        return Availability("on")

    def open(self, bookmarks: Mapping[str, str]) -> list[Item]:
        self._step = int(bookmarks.get("steps", 0))
        os.set_blocking(0, False)
        return []

    def fileno(self) -> int:
        return 0

    def read(self) -> list[Item]:
        try:
            said = os.read(0, 4096)
        except BlockingIOError:
            return []
        if not said:  # nobody is left to tell it
            os.kill(os.getpid(), signal.SIGKILL)
        *lines, self._rest = (self._rest + said).split(b"\n")
        return [item for line in lines for item in self._lived(*map(int, line.split()))]

    def _lived(self, passed: int, put: int) -> list[Item]:
        self.passed, self.put, self._step = self.passed + passed, self.put + put, self._step + 1
        mark, now = Bookmark("steps", str(self._step)), time.time_ns() // 1000
        numbered = [(kind, self._step * many - left) for kind, many in A_STEP.items() for left in range(many, 0, -1)]
        return [Reading({"@timestamp": now, "p": kind, "n": n, "x": _FILLING}, kind, mark) for kind, n in numbered]

    def wait(self) -> float | None:
        return None

    def tick(self) -> list[Item]:
        return []

    def finish(self) -> list[Item]:
        return []

    def close(self) -> None:
        return


def main() -> int:
    """Be the agent of a folder."""
    steps = Steps(int(sys.argv[2]), int(sys.argv[3]))
    ahead.install(lambda: steps.passed, lambda: steps.put)
    # Only now, for some take their clocks when they are loaded.
    from agent.wire.sending.home import AgentHome  # noqa: PLC0415 - after the clocks
    from agent.wire.sending.run import run  # noqa: PLC0415 - after the clocks

    return run(AgentHome(Path(sys.argv[1])), lambda _boot: [steps], station=True)


if __name__ == "__main__":
    sys.exit(main())

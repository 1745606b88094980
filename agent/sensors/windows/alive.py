"""What runs already when the reading of starts begins: `python -m agent.sensors.windows.alive`, a short-lived child.

It writes one JSON line a process. So psutil, which only this needs, does not stay in the agent's memory.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from agent.redact import redact_args

LOG = logging.getLogger(__name__)
PATIENCE = 20.0
"""Seconds after which the child is ended, and nothing is known."""
MOST = 4096
"""Processes that are told."""
LONGEST = 8192
"""Characters of a command line."""
_FLAGS = int(getattr(subprocess, "CREATE_NO_WINDOW", 0))


class Alive(NamedTuple):
    """A process that runs: number, program, command line without secrets, account, start (µs)."""

    number: int
    image: str
    command: str
    user: str
    since: int


def ask(command: Sequence[str] = ()) -> list[Alive]:
    """Return what runs, nothing when it cannot be told. The `command` is the child's, this module's by itself."""
    isolated = ["-P"] if sys.version_info >= (3, 11) else []
    line = command or [sys.executable, *isolated, "-m", __name__]
    try:
        done = subprocess.run(
            line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=PATIENCE,
            check=True, creationflags=_FLAGS,
        )  # fmt: skip
        return [Alive(*json.loads(one)) for one in done.stdout.splitlines()[:MOST]]
    except (OSError, subprocess.SubprocessError, ValueError, TypeError) as error:
        LOG.warning("running_programs_unknown reason=%s", error)
        return []


def told() -> Iterator[Alive]:
    """Look at the processes of this computer; what one does not tell is empty."""
    import psutil  # noqa: PLC0415 (in the child alone)

    wanted = ["pid", "exe", "cmdline", "username", "create_time"]
    for each in psutil.process_iter(wanted, ad_value=None):
        number, image, words, user, since = (each.info[name] for name in wanted)
        if image and since:
            command = subprocess.list2cmdline(redact_args(words or []))[:LONGEST]
            yield Alive(number, image, command, user or "", int(since * 1_000_000))


if __name__ == "__main__":
    for process in told():
        sys.stdout.write(json.dumps(process) + "\n")

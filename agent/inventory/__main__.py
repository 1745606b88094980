"""The short-lived child: `python -m agent.inventory collect FILE SEEN [whole] [off=CATEGORY …]` writes records as JSON.

It runs at the lowest priority, within bounds of time and memory that the system holds it to, and ends.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import time
from pathlib import Path

from agent.inventory import here
from agent.inventory.round import run
from agent.inventory.store import Store

CPU_SECONDS = 120
MEMORY = 768 << 20
"""Bytes of address space: far above what a round needs, far below what would hurt the host."""


def main(argv: list[str]) -> int:
    """Run one round and return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s", stream=sys.stderr)
    rest = argv[3:]
    known = argv[:1] == ["collect"] and all(one == "whole" or one.startswith("off=") for one in rest)
    if not known or len(argv) < 3:
        sys.stderr.write("usage: python -m agent.inventory collect FILE SEEN [whole] [off=CATEGORY ...]\n")
        return 2
    _humble()
    off = frozenset(one.removeprefix("off=") for one in rest if one != "whole")
    return _collect(Path(argv[1]), int(argv[2]), whole="whole" in rest, off=off)


def _collect(path: Path, seen: int, *, whole: bool, off: frozenset[str]) -> int:
    store = Store(path)
    try:
        for record in run(here.plan(), here.host(), store, time.time(), seen=seen, whole=whole, off=off):
            sys.stdout.write(json.dumps(record, ensure_ascii=True) + "\n")
    finally:
        store.close()
    return 0


def _humble() -> None:
    """Take the lowest priority and the bounds; what the system has not is left out."""
    if sys.platform == "win32":
        return  # the parent starts it at idle priority, and its service's job object bounds it
    import resource  # noqa: PLC0415 (not on Windows)

    with contextlib.suppress(OSError):
        os.nice(19)
    # Where memory is short, what we started goes first, and not the agent: its records of this round come again.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    for what, bound in ((resource.RLIMIT_CPU, CPU_SECONDS), (resource.RLIMIT_AS, MEMORY)):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(what, (bound, bound))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

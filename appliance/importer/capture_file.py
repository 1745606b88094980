"""Capture files: the network sensor reads them, as a process of its own, and tells the events."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.wire.limits import MAX_RECORD
from appliance.home import CHECKOUT
from appliance.importer.unreadable import unreadable

#: First bytes of pcap (both byte orders, micro- and nanoseconds) and pcapng files.
MAGICS = frozenset(bytes.fromhex(magic) for magic in ("d4c3b2a1", "a1b2c3d4", "4d3cb2a1", "a1b23c4d", "0a0d0d0a"))
_WORDS = 2000


@dataclass(frozen=True, slots=True)
class Ring:
    """Where the heads of a capture's flows are kept: a state folder, how many bytes, for how many days."""

    root: Path
    max_bytes: int
    days: int

    def options(self) -> list[str]:
        """Return the sensor's options."""
        return ["--home", str(self.root), "--slices", str(self.max_bytes), "--slices-days", str(self.days)]


def read_capture(path: Path, ring: Ring | None = None) -> Iterator[bytes]:
    """Yield the logs of a capture file as records; why it could not be read, or not to its end, is one itself.

    With `ring` the heads of its flows are kept there.
    """
    command = [sys.executable, "-m", "collector", "read", "--quiet", *(ring.options() if ring else ()), "--", str(path)]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    number = 0
    with tempfile.TemporaryFile() as words:
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=words, env=environment
        ) as process:
            assert process.stdout is not None
            try:
                while line := process.stdout.readline(MAX_RECORD + 2):
                    number += 1
                    yield line.strip()
            except GeneratorExit:  # nobody wants the rest
                process.kill()
                raise
        words.seek(0)
        told = words.read(_WORDS).decode("utf-8", "replace").strip()
    if told or process.returncode:
        yield unreadable(told or f"Czujnik sieciowy zakończył się kodem {process.returncode}.", path.name, number + 1)

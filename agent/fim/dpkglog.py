"""dpkg's log, read backwards as far as a question needs: an upgrade of a whole system fills more than its end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from agent.fim.packages import NEAR, Doing, doings

LOG = Path("/var/log/dpkg.log")
_BLOCK = 64 * 1024
MOST = 4 << 20
"""Bytes that are read back, of the log and the one before it together: some fifty thousand lines."""


class DpkgLog:
    """What dpkg did, from `NAME` and `NAME.1`. What was read is kept until a file changes."""

    def __init__(self, path: Path = LOG) -> None:
        self._paths = (path, path.with_name(path.name + ".1"))
        self._state: list[tuple[int, int]] = []
        self._known: list[Doing] = []
        self._older: Iterator[list[Doing]] = iter(())

    def until(self, moment: float) -> list[Doing]:
        """Return what was done, oldest first, from before a moment (s) on, as far as the logs go back."""
        state = [_state(path) for path in self._paths]
        if state != self._state:
            self._state, self._known, self._older = state, [], _backwards(self._paths)
        while not self._known or self._known[0].at > moment - NEAR:
            older = next(self._older, None)
            if older is None:
                break
            self._known = sorted({*older, *self._known})
        return self._known


def _state(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_ino, found.st_size)


def _backwards(paths: tuple[Path, ...]) -> Iterator[list[Doing]]:
    """Yield what blocks of whole lines tell, the newest first; a file that cannot be read ends it."""
    left = MOST
    for path in paths:
        try:
            with path.open("rb") as file:
                end = file.seek(0, os.SEEK_END)
        except OSError:
            return
        rest = b""
        while end > 0 and left > 0:
            size = min(_BLOCK, end, left)
            end, left = end - size, left - size
            block = _read(path, end, size) + rest
            rest, newline, whole = block.partition(b"\n") if end > 0 else (b"", b"", block)
            yield doings((whole if newline or end == 0 else b"").decode("utf-8", "replace").splitlines())


def _read(path: Path, start: int, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(size)
    except OSError:
        return b""

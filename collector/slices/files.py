"""The files of a ring in their folder: begun, added to, removed when they are too many or too old."""

from __future__ import annotations

import errno
import os
import shutil
import time
from pathlib import Path
from typing import NamedTuple

from agent.wire.sending.home import AgentHome
from collector.slices.form import HEADER

DATA, INDEX = ".pcapng", ".index"
SEGMENT = 32 << 20
"""Bytes of one file at most; a ring of few bytes has smaller ones."""
KEEP_FREE = 512 << 20
"""Bytes of the disk that the ring leaves to others."""
_DAY = 86_400


class Limits(NamedTuple):
    """Bounds of a ring: its bytes, the days after which packets go, bytes of a flow's head on each side."""

    bytes: int = 2 << 30
    days: float = 7.0
    head: int = 16 << 10
    keep_free: int = KEEP_FREE

    @property
    def segment(self) -> int:
        """Bytes after which the next file begins."""
        return min(SEGMENT, max(1 << 16, self.bytes // 16))


class Segment:
    """A file of the ring that is being written, with its index."""

    def __init__(self, folder: Path) -> None:
        """Begin one; raises OSError. Its name is its time, so that names sort as their files were begun."""
        self.path = folder / f"{time.time_ns():020}-{os.getpid()}{DATA}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._data = os.open(self.path, flags, 0o600)
        try:
            self._index = os.open(self.path.with_suffix(INDEX), flags, 0o600)
        except OSError:
            os.close(self._data)
            raise
        self.size = self._rows = 0
        self._add(self._data, HEADER, 0)
        self.size = len(HEADER)

    def write(self, data: bytes, rows: bytes) -> None:
        """Add blocks, then their rows: all of them or, with OSError, none."""
        self._add(self._data, data, self.size)
        try:
            self._add(self._index, rows, self._rows)
        except OSError:
            os.ftruncate(self._data, self.size)
            raise
        self.size += len(data)
        self._rows += len(rows)

    def _add(self, descriptor: int, data: bytes, before: int) -> None:
        try:
            if os.write(descriptor, data) == len(data):
                return
        except OSError:
            os.ftruncate(descriptor, before)
            raise
        os.ftruncate(descriptor, before)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        """Write no more."""
        os.close(self._data)
        os.close(self._index)


def slices_of(home: AgentHome) -> Path:
    """Return the folder of a sensor's ring."""
    return home.folder / "slices"


def segments(folder: Path) -> list[Path]:
    """Return the files of a ring, the oldest first."""
    return sorted(folder.glob(f"*{DATA}"))


def tidy(folder: Path, limits: Limits, now: float, wanted: int = 0, current: Path | None = None) -> int:
    """Remove what is too old, and the oldest until `wanted` more bytes fit; return how many files went.

    `now` in seconds of Unix time; the file that is being written stays. What cannot be removed is left.
    """
    found = []
    for path in segments(folder):
        try:
            state = path.stat()
            found.append((path, state.st_size + _size(path.with_suffix(INDEX)), state.st_mtime))
        except OSError:  # another process was faster
            continue
    total, gone = sum(size for _, size, _ in found), 0
    for path, size, changed in found:
        if path == current or (total + wanted <= limits.bytes and now - changed <= limits.days * _DAY):
            continue
        path.with_suffix(INDEX).unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        total -= size
        gone += 1
    return gone


def room(folder: Path, limits: Limits) -> None:
    """Raise OSError when the disk has no room for one more file."""
    if shutil.disk_usage(folder).free < limits.keep_free + limits.segment:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0

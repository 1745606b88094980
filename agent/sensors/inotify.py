"""The few calls of inotify(7) that following log files needs."""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path

MODIFY, MOVED_TO, CREATE = 0x2, 0x80, 0x100
_EVENT = struct.Struct("iIII")
_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC


class Inotify:
    """Watches folders; raises OSError when the kernel will not."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor = self._libc.inotify_init1(_FLAGS)
        if self.descriptor < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")

    def watch(self, folder: Path, mask: int = MODIFY | MOVED_TO | CREATE) -> None:
        """Report changes of the files in `folder`."""
        if self._libc.inotify_add_watch(self.descriptor, os.fsencode(folder), ctypes.c_uint32(mask)) < 0:
            raise OSError(ctypes.get_errno(), f"inotify_add_watch: {folder}")

    def names(self) -> set[str]:
        """Return the names of the files that changed since the last call; an empty name means any file may have."""
        found: set[str] = set()
        try:
            data = os.read(self.descriptor, 1 << 16)
        except BlockingIOError:
            return found
        offset = 0
        while offset + _EVENT.size <= len(data):
            _, _, _, length = _EVENT.unpack_from(data, offset)
            offset += _EVENT.size
            found.add(os.fsdecode(data[offset : offset + length].rstrip(b"\0")))
            offset += length
        return found

    def close(self) -> None:
        """Stop watching."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

"""Keeps the agent small: one allocation arena for both threads, and freed memory given back to the system."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys

_M_ARENA_MAX = -8
_M_TRIM_THRESHOLD = -1


def tame() -> None:
    """Set the allocator's bounds; where the C library has no such calls, nothing happens."""
    if sys.platform == "win32":
        return
    with contextlib.suppress(AttributeError, OSError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_ARENA_MAX, 1)
        libc.mallopt(_M_TRIM_THRESHOLD, 128 * 1024)


def settle() -> None:
    """Take what the start has made, which stays for good, out of the collector's rounds, and let these be rare."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5000, 10, 10)


def trim() -> None:
    """Give freed memory back to the system."""
    gc.collect()
    if sys.platform == "win32":
        return
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)

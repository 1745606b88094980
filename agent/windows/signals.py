"""Signals that a thread can wait for, of Windows: events that stay on until they are reset. Facts: CreateEventW."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import wintypes
from typing import Protocol

from agent.windows.dll import Library, failed, load

MOST = 64
"""Handles that can be waited for at once (MAXIMUM_WAIT_OBJECTS)."""
_TIMEOUT, _FAILED = 0x102, 0xFFFFFFFF
_H, _D, _P = wintypes.HANDLE, wintypes.DWORD, ctypes.POINTER
_KERNEL = {
    "CreateEventW": (_H, (ctypes.c_void_p, wintypes.BOOL, wintypes.BOOL, wintypes.LPCWSTR)),
    "SetEvent": (wintypes.BOOL, (_H,)),
    "ResetEvent": (wintypes.BOOL, (_H,)),
    "CloseHandle": (wintypes.BOOL, (_H,)),
    "WaitForMultipleObjects": (_D, (_D, _P(_H), wintypes.BOOL, _D)),
}


class Signals(Protocol):
    """Signals by their numbers."""

    def signal(self) -> int:
        """Return a new signal, which stays on until it is reset; raises OSError."""

    def set(self, signal: int) -> None:
        """Switch a signal on."""

    def reset(self, signal: int) -> None:
        """Switch a signal off."""

    def forget(self, signal: int) -> None:
        """Give up a signal."""

    def wait(self, signals: Sequence[int], seconds: float) -> int | None:
        """Return the place of a signal that is on, None when there was none in this time; raises OSError."""


class SystemSignals:
    """The system's own; raises OSError off Windows."""

    def __init__(self) -> None:
        self._kernel: Library = load("kernel32", _KERNEL)

    def signal(self) -> int:
        """See Signals."""
        made = self._kernel.CreateEventW(None, True, False, None)
        if not made:
            raise failed("CreateEvent")
        return int(made)

    def set(self, signal: int) -> None:
        """See Signals."""
        self._kernel.SetEvent(signal)

    def reset(self, signal: int) -> None:
        """See Signals."""
        self._kernel.ResetEvent(signal)

    def forget(self, signal: int) -> None:
        """See Signals."""
        self._kernel.CloseHandle(signal)

    def wait(self, signals: Sequence[int], seconds: float) -> int | None:
        """See Signals."""
        handles = (_H * len(signals))(*signals)
        found = self._kernel.WaitForMultipleObjects(len(signals), handles, False, int(seconds * 1000))
        if found == _FAILED:
            raise failed("WaitForMultipleObjects")
        return None if found == _TIMEOUT else int(found)

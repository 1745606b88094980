"""The clocks of Windows that tell a machine that slept. Facts: realtimeapiset.h, sysinfoapi.h.

`GetTickCount64` counts the time in sleep and hibernation, `QueryUnbiasedInterruptTime` (100 ns) does not.
"""

from __future__ import annotations

import ctypes
from functools import cache

from agent.windows.dll import Library, failed, load

_KERNEL = {
    "GetTickCount64": (ctypes.c_uint64, ()),
    "QueryUnbiasedInterruptTime": (ctypes.c_int32, (ctypes.POINTER(ctypes.c_uint64),)),
}


@cache
def _kernel() -> Library:
    return load("kernel32", _KERNEL)


def since_boot() -> float:
    """Return the seconds since the machine started, its sleep included; raises OSError off Windows."""
    return float(_kernel().GetTickCount64()) / 1000


def awake() -> float:
    """Return the seconds in which the machine was awake since it started; raises OSError off Windows."""
    hundreds_of_nanoseconds = ctypes.c_uint64()
    if not _kernel().QueryUnbiasedInterruptTime(ctypes.byref(hundreds_of_nanoseconds)):
        raise failed("QueryUnbiasedInterruptTime")
    return hundreds_of_nanoseconds.value / 1e7

"""What feeds this computer, and whether somebody keeps its screen on.

Facts: SYSTEM_POWER_STATUS (winbase.h): `ACLineStatus` 0 is a battery, 1 mains; `BatteryLifePercent` 255 is not known.
`CallNtPowerInformation(SystemExecutionState)` gives the ES_ flags of all programs together, so a service can ask it:
meetings, presentations and films keep ES_DISPLAY_REQUIRED set. GetLastInputInfo tells of its own session alone, which
nobody sits at where a service runs.
"""

from __future__ import annotations

import ctypes
from ctypes import c_uint32 as DWORD  # noqa: N812 (its name on Windows; wintypes has other sizes elsewhere)
from typing import NamedTuple

from agent.windows.dll import Library, Signatures, failed, load

KERNEL: Signatures = {"GetSystemPowerStatus": (ctypes.c_int32, [ctypes.c_void_p])}
POWRPROF: Signatures = {
    "CallNtPowerInformation": (ctypes.c_int32, [ctypes.c_int32, ctypes.c_void_p, DWORD, ctypes.c_void_p, DWORD])
}
_BATTERY, _UNKNOWN = 0, 255
_EXECUTION_STATE = 16
_DISPLAY_REQUIRED = 0x2


class _Status(ctypes.Structure):
    """SYSTEM_POWER_STATUS."""

    _fields_ = (
        ("line", ctypes.c_ubyte), ("flag", ctypes.c_ubyte), ("percent", ctypes.c_ubyte), ("saver", ctypes.c_ubyte),
        ("left", DWORD), ("full", DWORD),
    )  # fmt: skip


class Power(NamedTuple):
    """Whether a battery feeds the computer, and its charge in percent; None when not known."""

    on_battery: bool
    charge: int | None


def power(kernel: Library | None = None) -> Power:
    """Return what feeds this computer; raises OSError."""
    status = _Status()
    library = kernel or load("kernel32", KERNEL)
    if not library.GetSystemPowerStatus(ctypes.byref(status)):
        raise failed("GetSystemPowerStatus")
    charge = None if status.percent == _UNKNOWN else min(int(status.percent), 100)
    return Power(status.line == _BATTERY, charge)


def screen_kept_on(powrprof: Library | None = None) -> bool:
    """Tell whether some program keeps the screen on; raises OSError."""
    state = DWORD()
    library = powrprof or load("powrprof", POWRPROF)
    code = library.CallNtPowerInformation(_EXECUTION_STATE, None, 0, ctypes.byref(state), ctypes.sizeof(state))
    if code:
        raise failed("CallNtPowerInformation", code)
    return bool(state.value & _DISPLAY_REQUIRED)

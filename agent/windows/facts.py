"""What Windows says of itself: machine, boot, name and build, free disk.

Facts: `MachineGuid` is made at installation; `BootId` is counted up by each boot (Windows 8 and later); build numbers
from 22000 on are Windows 11, whose `ProductName` still says Windows 10. None of these texts depends on the language.
"""

from __future__ import annotations

import ctypes
import sys
import time
from ctypes import wintypes
from hashlib import sha256
from pathlib import Path

from agent.windows import clocks
from agent.windows.dll import failed, load

_VERSION = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion"
_CRYPTOGRAPHY = r"SOFTWARE\Microsoft\Cryptography"
_PREFETCH = r"SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters"
_FIRST_WINDOWS_11 = 22000


def machine_value(key: str, name: str) -> str | int | None:
    """Return one value of HKEY_LOCAL_MACHINE, of the 64-bit view; None when it is not there or of another type."""
    if sys.platform == "win32":
        import winreg  # noqa: PLC0415 (exists on Windows alone)

        try:
            access = winreg.KEY_READ | winreg.KEY_WOW64_64KEY
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key, access=access) as handle:
                value = winreg.QueryValueEx(handle, name)[0]
        except OSError:
            return None
        return value if isinstance(value, (str, int)) else None
    return None


def machine_guid() -> str:
    """Return the id that this installation of Windows was given, empty when it has none."""
    return str(machine_value(_CRYPTOGRAPHY, "MachineGuid") or "")


def boot_id() -> str:
    """Return 32 hex digits that stay the same until the next boot of this machine."""
    counted = machine_value(_PREFETCH, "BootId")
    boot = f"number {counted}" if isinstance(counted, int) and counted else f"minute {_booted_at() // 60}"
    return sha256(f"{machine_guid()}:{boot}".encode()).hexdigest()[:32]


def _booted_at() -> int:
    """Return when the machine started, in seconds since the epoch, as the wall clock has it now."""
    return int(time.time() - clocks.since_boot())


def system() -> str:
    """Return the system's name for people, with its build."""
    value = {name: machine_value(_VERSION, name) for name in ("ProductName", "DisplayVersion", "CurrentBuild", "UBR")}
    return system_name(*(str(value[name] or "") for name in ("ProductName", "DisplayVersion", "CurrentBuild", "UBR")))


def system_name(product: str, display: str, build: str, revision: str) -> str:
    """Return e.g. `Windows 11 Pro 23H2 (22631.4317)` of the registry's texts."""
    name = product or "Windows"
    if build.isdecimal() and int(build) >= _FIRST_WINDOWS_11 and "Server" not in name:
        name = name.replace("Windows 10", "Windows 11")
    number = ".".join(part for part in (build, revision) if part)
    return " ".join(part for part in (name, display, f"({number})" if number else "") if part)


def free_bytes(folder: Path) -> int:
    """Return how many bytes this process may still write where `folder` lies; raises OSError."""
    pointer = ctypes.POINTER(ctypes.c_uint64)
    arguments = (wintypes.LPCWSTR, pointer, pointer, pointer)
    kernel = load("kernel32", {"GetDiskFreeSpaceExW": (wintypes.BOOL, arguments)})
    free = ctypes.c_uint64()
    if not kernel.GetDiskFreeSpaceExW(str(folder), ctypes.byref(free), None, None):
        raise failed(f"GetDiskFreeSpaceEx {folder}")
    return free.value

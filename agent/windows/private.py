"""A folder that only the system and administrators can read or change. Facts: SDDL, SetFileSecurityW."""

from __future__ import annotations

import ctypes
from ctypes import wintypes
from pathlib import Path

from agent.windows.dll import Library, failed, load

SDDL = "O:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"
"""Owned by the administrators; full access for SYSTEM and administrators, inherited below, nothing from above."""
_OWNER, _DACL, _PROTECTED = 0x1, 0x4, 0x80000000
_REVISION = 1


def make_private(folder: Path) -> None:
    """Give a folder and what will be made in it to SYSTEM and the administrators alone; raises OSError."""
    advapi: Library = load(
        "advapi32",
        {
            "ConvertStringSecurityDescriptorToSecurityDescriptorW": (
                wintypes.BOOL,
                (wintypes.LPCWSTR, wintypes.DWORD, ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p),
            ),
            "SetFileSecurityW": (wintypes.BOOL, (wintypes.LPCWSTR, wintypes.DWORD, ctypes.c_void_p)),
        },
    )
    kernel: Library = load("kernel32", {"LocalFree": (ctypes.c_void_p, (ctypes.c_void_p,))})
    descriptor = ctypes.c_void_p()
    convert = advapi.ConvertStringSecurityDescriptorToSecurityDescriptorW
    if not convert(SDDL, _REVISION, ctypes.byref(descriptor), None):
        raise failed("ConvertStringSecurityDescriptorToSecurityDescriptor")
    try:
        if not advapi.SetFileSecurityW(str(folder), _OWNER | _DACL | _PROTECTED, descriptor):
            raise failed(f"SetFileSecurity {folder}")
    finally:
        kernel.LocalFree(descriptor)

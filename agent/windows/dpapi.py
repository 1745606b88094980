"""Secrets that only this machine can read: CryptProtectData with the scope of the machine.

Another account of the same machine could unprotect such a blob if it could read it, so the file stays private as well;
what it keeps out is whoever has a copy of the disk or of a backup.
"""

from __future__ import annotations

import ctypes
from ctypes import wintypes

from agent.windows.dll import Library, failed, load

_LOCAL_MACHINE, _UI_FORBIDDEN = 0x4, 0x1


class _Blob(ctypes.Structure):
    """DATA_BLOB."""

    _fields_ = (("size", wintypes.DWORD), ("data", ctypes.c_void_p))


_POINTER = ctypes.POINTER(_Blob)
_ARGUMENTS = (_POINTER, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, wintypes.DWORD, _POINTER)


def protect(data: bytes) -> bytes:
    """Return data that only this machine can turn back; raises OSError."""
    return _turned("CryptProtectData", data)


def unprotect(data: bytes) -> bytes:
    """Return what was protected on this machine; raises OSError for anything else."""
    return _turned("CryptUnprotectData", data)


def _turned(function: str, data: bytes) -> bytes:
    crypt: Library = load("crypt32", {function: (wintypes.BOOL, _ARGUMENTS)})
    kernel: Library = load("kernel32", {"LocalFree": (ctypes.c_void_p, (ctypes.c_void_p,))})
    given = ctypes.create_string_buffer(data, len(data))
    source, target = _Blob(len(data), ctypes.addressof(given)), _Blob()
    flags = _UI_FORBIDDEN | _LOCAL_MACHINE
    call = getattr(crypt, function)
    if not call(ctypes.byref(source), None, None, None, None, flags, ctypes.byref(target)):
        raise failed(function)
    try:
        return ctypes.string_at(target.data, target.size)
    finally:
        kernel.LocalFree(target.data)

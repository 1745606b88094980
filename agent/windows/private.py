"""A folder that only the system and administrators can read or change. Facts: SDDL, SetFileSecurityW.

Whoever has an account may make folders where programs keep their data. One that was there before us, of somebody else
and with something in it, or with a link or something of somebody else in it, is not taken: a key that lies ready in it
could be known. The service's host (appliance/packages/windows/home.c) puts such a folder aside before it is used.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from ctypes import wintypes
from pathlib import Path

from agent.windows.dll import Library, failed, load

SDDL = "O:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"
"""Owned by the administrators; full access for SYSTEM and administrators, inherited below, nothing from above."""
READABLE = "D:PAI(A;;FA;;;SY)(A;;FA;;;BA)(A;;FR;;;BU)"
"""The same for one file, which every account may read."""
_OWNER, _DACL, _PROTECTED = 0x1, 0x4, 0x80000000
_SURROGATE = 0x20000000
"""The bit of a reparse point's tag that says it stands for another file or folder."""
_REVISION = 1
TRUSTED = frozenset({"S-1-5-18", "S-1-5-32-544"})
"""SYSTEM and the administrators."""
_TOKEN_QUERY, _TOKEN_USER = 0x8, 1
_ROOM = 4096
"""Bytes for a security descriptor or a token's user; both are some hundred at most."""
_POINTER = ctypes.POINTER(ctypes.c_void_p)
_DWORDS = ctypes.POINTER(wintypes.DWORD)


def make_private(folder: Path) -> None:
    """Give a folder and what will be made in it to SYSTEM and the administrators alone; raises OSError.

    Raises PermissionError for a folder of another account that is not empty, for a link, and for what holds such.
    """
    trusted = TRUSTED | {own_account()}
    owner = owner_of(folder)
    if _is_link(folder) or (owner not in trusted and any(folder.iterdir())):
        raise PermissionError(0, f"the folder belongs to the account {owner} and is not empty, or is a link: {folder}")
    _protect(folder, SDDL, _OWNER | _DACL | _PROTECTED)
    for one in _below(folder):  # now nobody else can add anything
        if _is_link(one) or owner_of(one) not in trusted:
            raise PermissionError(0, f"this belongs to the account {owner_of(one)}, or is a link: {one}")


def _below(folder: Path) -> Iterator[Path]:
    for one in folder.iterdir():
        yield one
        if one.is_dir() and not _is_link(one):
            yield from _below(one)


def _is_link(path: Path) -> bool:
    """Tell whether a path leads elsewhere: a symbolic link or a junction, which `is_symlink` does not count."""
    return bool(getattr(path.lstat(), "st_reparse_tag", 0) & _SURROGATE)


def make_readable(file: Path) -> None:
    """Let every account read a file of a private folder, by its full name; raises OSError."""
    _protect(file, READABLE, _DACL | _PROTECTED)


def _protect(path: Path, sddl: str, what: int) -> None:
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
    if not convert(sddl, _REVISION, ctypes.byref(descriptor), None):
        raise failed("ConvertStringSecurityDescriptorToSecurityDescriptor")
    try:
        if not advapi.SetFileSecurityW(str(path), what, descriptor):
            raise failed(f"SetFileSecurity {path}")
    finally:
        kernel.LocalFree(descriptor)


def owner_of(folder: Path) -> str:
    """Return the SID of a folder's owner; raises OSError."""
    advapi: Library = load(
        "advapi32",
        {
            "GetFileSecurityW": (
                wintypes.BOOL,
                (wintypes.LPCWSTR, wintypes.DWORD, ctypes.c_void_p, wintypes.DWORD, _DWORDS),
            ),
            "GetSecurityDescriptorOwner": (wintypes.BOOL, (ctypes.c_void_p, _POINTER, ctypes.POINTER(wintypes.BOOL))),
        },
    )
    descriptor, needed = ctypes.create_string_buffer(_ROOM), wintypes.DWORD()
    if not advapi.GetFileSecurityW(str(folder), _OWNER, descriptor, _ROOM, ctypes.byref(needed)):
        raise failed(f"GetFileSecurity {folder}")
    owner, defaulted = ctypes.c_void_p(), wintypes.BOOL()
    if not advapi.GetSecurityDescriptorOwner(descriptor, ctypes.byref(owner), ctypes.byref(defaulted)):
        raise failed("GetSecurityDescriptorOwner")
    return _written(owner)


def own_account() -> str:
    """Return the SID of the account of this process; raises OSError."""
    kernel: Library = load(
        "kernel32",
        {"GetCurrentProcess": (wintypes.HANDLE, ()), "CloseHandle": (wintypes.BOOL, (wintypes.HANDLE,))},
    )
    advapi: Library = load(
        "advapi32",
        {
            "OpenProcessToken": (
                wintypes.BOOL,
                (wintypes.HANDLE, wintypes.DWORD, ctypes.POINTER(wintypes.HANDLE)),
            ),
            "GetTokenInformation": (
                wintypes.BOOL,
                (wintypes.HANDLE, ctypes.c_int, ctypes.c_void_p, wintypes.DWORD, _DWORDS),
            ),
        },
    )
    token, found, needed = wintypes.HANDLE(), ctypes.create_string_buffer(_ROOM), wintypes.DWORD()
    if not advapi.OpenProcessToken(kernel.GetCurrentProcess(), _TOKEN_QUERY, ctypes.byref(token)):
        raise failed("OpenProcessToken")
    try:
        if not advapi.GetTokenInformation(token, _TOKEN_USER, found, _ROOM, ctypes.byref(needed)):
            raise failed("GetTokenInformation")
    finally:
        kernel.CloseHandle(token)
    return _written(ctypes.c_void_p.from_buffer(found))  # TOKEN_USER begins with the pointer to the SID


def _written(sid: ctypes.c_void_p) -> str:
    """Return a SID as text."""
    advapi: Library = load("advapi32", {"ConvertSidToStringSidW": (wintypes.BOOL, (ctypes.c_void_p, _POINTER))})
    kernel: Library = load("kernel32", {"LocalFree": (ctypes.c_void_p, (ctypes.c_void_p,))})
    text = ctypes.c_void_p()
    if not advapi.ConvertSidToStringSidW(sid, ctypes.byref(text)):
        raise failed("ConvertSidToStringSid")
    try:
        return ctypes.wstring_at(text.value or 0)
    finally:
        kernel.LocalFree(text)

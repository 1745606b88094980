"""Looking at a file of Windows: attributes, times with the change time, owner and rights, hash. Follows no link.

Facts: CreateFileW, GetFileInformationByHandleEx (FileBasicInfo, FileAttributeTagInfo), GetKernelObjectSecurity, file
attribute constants, reparse tags. The change time is NTFS' own and cannot be set by the usual calls, so that a file
whose write time was set back is seen. A file is opened so that others may still write, rename and delete it.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import stat
import struct
from ctypes import byref, c_void_p
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from agent.fim.entries import ATTRIBUTE_BITS, Entry
from agent.fim.look import MAX_HASHED, MAX_TARGET, NAME_SURROGATE, hashed
from agent.windows.dll import Library, Signatures, failed, last_error, load

_BOOL, _DWORD, _TEXT = ctypes.c_int, ctypes.c_uint32, ctypes.c_wchar_p
_KERNEL: Signatures = {
    "CreateFileW": (c_void_p, (_TEXT, _DWORD, _DWORD, c_void_p, _DWORD, _DWORD, c_void_p)),
    "GetFileInformationByHandle": (_BOOL, (c_void_p, c_void_p)),
    "GetFileInformationByHandleEx": (_BOOL, (c_void_p, ctypes.c_int, c_void_p, _DWORD)),
    "CloseHandle": (_BOOL, (c_void_p,)),
    "LocalFree": (c_void_p, (c_void_p,)),
}
_ADVAPI: Signatures = {
    "GetKernelObjectSecurity": (_BOOL, (c_void_p, _DWORD, c_void_p, _DWORD, c_void_p)),
    "ConvertSecurityDescriptorToStringSecurityDescriptorW": (_BOOL, (c_void_p, _DWORD, _DWORD, c_void_p, c_void_p)),
}
_READ_ATTRIBUTES, _READ_RIGHTS, _READ = 0x80, 0x20000, 0x80000000
_SHARE_ALL, _EXISTING = 7, 3
_FOLDERS_TOO, _NOT_THROUGH_LINKS, _IN_ORDER = 0x02000000, 0x00200000, 0x08000000
_NO_HANDLE = c_void_p(-1).value
_GONE = frozenset({2, 3, 267})
"""File not found, path not found, the folder is none."""
_BASIC, _TAG = 0, 9
_OWNER, _DACL, _REVISION = 0x1, 0x4, 1
_FOLDER, _DEVICE, _LINKED = 0x10, 0x40, 0x400
_AWAY = 0x1000 | 0x40000 | 0x400000
"""Offline, or fetched from elsewhere when it is opened or read: reading would move the file here."""
_EPOCH = 116_444_736_000_000_000
"""1970 as Windows counts: 100 ns since 1601."""
_MAX_DESCRIPTOR, _MAX_RIGHTS = 64 << 10, 1024
_INFORMATION = struct.Struct("<13I")


class Facts(NamedTuple):
    """What Windows says of a file without reading it; times in ns since 1970."""

    attributes: int
    tag: int
    size: int
    written: int
    changed: int
    number: int


class Ntfs:
    """Looks at files as `agent.fim.look.look` does elsewhere."""

    def __init__(self) -> None:
        """Raise OSError off Windows."""
        self._kernel: Library = load("kernel32", _KERNEL)
        self._advapi: Library = load("advapi32", _ADVAPI)

    def look(self, path: str, before: Entry | None = None) -> Entry | None:
        """Return the state of a path, None when there is none; reads content and rights only if `before` differs.

        Raises OSError when it is there but cannot be looked at.
        """
        handle = self._opened(path, _READ_ATTRIBUTES | _READ_RIGHTS, _FOLDERS_TOO | _NOT_THROUGH_LINKS)
        if handle is None:
            return None
        try:
            facts = self._facts(handle)
            entry = entry_of(facts)
            if before is not None and before.same_state(entry):
                return entry._replace(sha256=before.sha256, target=before.target, rights=before.rights)
            entry = entry._replace(rights=self._rights(handle))
        finally:
            self._kernel.CloseHandle(handle)
        if entry.kind == "symlink":
            with contextlib.suppress(OSError, ValueError):  # a tag that Python does not know
                return entry._replace(target=str(Path(path).readlink())[:MAX_TARGET])
        elif entry.kind == "file" and entry.size <= MAX_HASHED and not facts.attributes & _AWAY:
            return entry._replace(sha256=self._content(path, entry))
        return entry

    def _opened(self, path: str, access: int, flags: int) -> int | None:
        handle = self._kernel.CreateFileW(extended(path), access, _SHARE_ALL, None, _EXISTING, flags, None)
        if handle is not None and handle != _NO_HANDLE:
            return int(handle)
        code = last_error()
        if code in _GONE:
            return None
        raise failed(f"CreateFile {path}", code)

    def _facts(self, handle: int) -> Facts:
        basic, tag = (ctypes.c_uint64 * 5)(), (_DWORD * 2)()
        room = ctypes.create_string_buffer(_INFORMATION.size)
        if not (
            self._kernel.GetFileInformationByHandleEx(handle, _BASIC, byref(basic), ctypes.sizeof(basic))
            and self._kernel.GetFileInformationByHandle(handle, room)
        ):
            raise failed("GetFileInformationByHandle")
        attributes = int(basic[4]) & 0xFFFFFFFF
        if attributes & _LINKED:
            self._kernel.GetFileInformationByHandleEx(handle, _TAG, byref(tag), ctypes.sizeof(tag))
        *_, high, low, _, index_high, index_low = _INFORMATION.unpack(room.raw)
        written, changed = ((int(basic[place]) - _EPOCH) * 100 for place in (2, 3))
        return Facts(attributes, int(tag[1]), high << 32 | low, written, changed, index_high << 32 | index_low)

    def _rights(self, handle: int) -> str:
        """Return owner and access list in SDDL, empty where the file system has none; a long one as its digest."""
        room, needed = ctypes.create_string_buffer(1024), _DWORD()
        wanted = _OWNER | _DACL
        while not self._advapi.GetKernelObjectSecurity(handle, wanted, room, len(room), byref(needed)):
            if needed.value <= len(room) or needed.value > _MAX_DESCRIPTOR:
                return ""
            room = ctypes.create_string_buffer(needed.value)
        text = c_void_p()
        written = self._advapi.ConvertSecurityDescriptorToStringSecurityDescriptorW
        if not written(room, _REVISION, wanted, byref(text), None) or not text.value:
            return ""
        try:
            return bounded(ctypes.wstring_at(text.value))
        finally:
            self._kernel.LocalFree(text)

    def _content(self, path: str, entry: Entry) -> str:
        try:
            handle = self._opened(path, _READ, _NOT_THROUGH_LINKS | _IN_ORDER)
            if handle is None:
                return ""
            return hashed(importlib.import_module("msvcrt").open_osfhandle(handle, os.O_RDONLY), entry)
        except OSError:
            return ""


def extended(path: str) -> str:
    """Return a path as Windows takes it whatever its length and last character."""
    return "\\\\?\\" + path.replace("/", "\\")


def bounded(rights: str) -> str:
    """Return an access list, one above the bound as its digest."""
    return rights if len(rights) <= _MAX_RIGHTS else f"sha256:{sha256(rights.encode()).hexdigest()}"


def entry_of(facts: Facts) -> Entry:
    """Return what Windows says as an entry; in `mode` the kept attributes stand where others have permissions."""
    attributes = facts.attributes
    if attributes & _LINKED and facts.tag & NAME_SURROGATE:
        kind = stat.S_IFLNK
    elif attributes & _FOLDER:
        kind = stat.S_IFDIR
    else:
        kind = stat.S_IFCHR if attributes & _DEVICE else stat.S_IFREG
    kept = attributes & sum(ATTRIBUTE_BITS)
    size = facts.size if kind == stat.S_IFREG else 0
    return Entry(kind | kept, size, 0, 0, facts.written, facts.changed, facts.number)

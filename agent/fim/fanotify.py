"""Changes of files as they happen, with the process behind each: fanotify(7), names and folders, whole file systems."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

ATTRIBUTES, WRITTEN, MOVED_FROM, MOVED_TO, CREATED, DELETED = 0x4, 0x8, 0x40, 0x80, 0x100, 0x200
OVERFLOW = 0x4000
ON_FOLDER = 0x40000000
_ALL = ATTRIBUTES | WRITTEN | MOVED_FROM | MOVED_TO | CREATED | DELETED | ON_FOLDER
_CLOSE_ON_EXEC, _NONBLOCK, _REPORT_NAMES = 0x1, 0x2, 0xC00
_ADD, _FILE_SYSTEM = 0x1, 0x100
_AT_FDCWD = -100
_DIRECTORY_AND_NAME = 2
_HEAD = struct.Struct("=IBBHQii")
_INFO = struct.Struct("=BxH8sIi")
_READ = 64 * 1024
MAX_FOLDERS = 4096
"""Folders whose paths are remembered; the oldest is asked for again."""


class Happened(NamedTuple):
    """One event: what (bits), the path (empty for an overflow), and the process."""

    mask: int
    path: str
    pid: int


class Fanotify:
    """One group with a mark on every file system of the watched places."""

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        """Raise OSError where kernel or rights do not suffice. `wanted` says which folders may hold something."""
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._wanted = wanted
        self._mounts: dict[bytes, int] = {}
        self._folders: OrderedDict[bytes, str] = OrderedDict()
        flags = _CLOSE_ON_EXEC | _NONBLOCK | _REPORT_NAMES
        self.descriptor = self._call("fanotify_init", ctypes.c_uint(flags), ctypes.c_uint(os.O_RDONLY | os.O_LARGEFILE))

    def mark(self, path: str) -> None:
        """Report changes on the whole file system of a path; raises OSError where it cannot (overlayfs, some btrfs)."""
        mount = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            self._call(
                "fanotify_mark", self.descriptor, ctypes.c_uint(_ADD | _FILE_SYSTEM), ctypes.c_uint64(_ALL),
                ctypes.c_int(_AT_FDCWD), ctypes.c_char_p(os.fsencode(path)),
            )  # fmt: skip
            identity = self._identity(path)
        except OSError:
            os.close(mount)
            raise
        if identity in self._mounts:
            os.close(self._mounts[identity])
        self._mounts[identity] = mount

    def _identity(self, path: str) -> bytes:
        """Return the kernel's id of a path's file system, which events carry: `f_fsid` of statfs(2)."""
        room = ctypes.create_string_buffer(256)
        self._call("statfs", ctypes.c_char_p(os.fsencode(path)), room)
        return room.raw[56:64]

    def _call(self, name: str, *arguments: object) -> int:
        result = int(getattr(self._libc, name)(*arguments))
        if result < 0:
            code = ctypes.get_errno()
            raise OSError(code, f"{name}: {os.strerror(code)}")
        return result

    def read(self) -> Iterator[Happened]:
        """Yield what happened in wanted folders, up to one buffer."""
        try:
            data = os.read(self.descriptor, _READ)
        except BlockingIOError:
            return
        yield from self._events(data)

    def _events(self, data: bytes) -> Iterator[Happened]:
        offset = 0
        while offset + _HEAD.size <= len(data):
            length, _, _, head, mask, _, pid = _HEAD.unpack_from(data, offset)
            if length < _HEAD.size:
                return
            if mask & OVERFLOW:
                yield Happened(mask, "", pid)
            else:
                path = self._path(data[offset + head : offset + length])
                if path:
                    yield Happened(mask, path, pid)
                if mask & ON_FOLDER and mask & (MOVED_FROM | MOVED_TO | DELETED):
                    self._folders.clear()
            offset += length

    def _path(self, info: bytes) -> str:
        if len(info) < _INFO.size:
            return ""
        kind, _, identity, count, _ = _INFO.unpack_from(info)
        if kind != _DIRECTORY_AND_NAME:
            return ""
        handle = info[12 : 20 + count]
        folder = self._folder(identity, handle)
        name = os.fsdecode(info[20 + count :].split(b"\0", 1)[0])
        if not folder or not name:
            return ""
        return folder if name == "." else f"{folder.rstrip('/')}/{name}"

    def _folder(self, identity: bytes, handle: bytes) -> str:
        """Return a folder's path by its handle; empty when it is gone or holds nothing wanted."""
        key = identity + handle
        known = self._folders.get(key)
        if known is not None:
            return known
        path = self._opened(identity, handle)
        path = path if path and self._wanted(path) else ""
        self._folders[key] = path
        if len(self._folders) > MAX_FOLDERS:
            self._folders.popitem(last=False)
        return path

    def _opened(self, identity: bytes, handle: bytes) -> str:
        mount = self._mounts.get(identity)
        if mount is None:
            return ""
        try:
            found = self._call("open_by_handle_at", mount, ctypes.c_char_p(handle), os.O_PATH | os.O_CLOEXEC)
        except OSError:
            return ""
        try:
            return str(Path(f"/proc/self/fd/{found}").readlink())
        except OSError:
            return ""
        finally:
            os.close(found)

    def close(self) -> None:
        """End the reports."""
        for descriptor in (self.descriptor, *self._mounts.values()):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self._mounts = {}

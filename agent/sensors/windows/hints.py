"""In which watched folders something happened: change notifications of Windows, waited for by a thread of its own.

They say neither what happened nor to which file, keep nothing in memory, lose nothing, and do not keep a folder from
being deleted for long. Facts: FindFirstChangeNotificationW.
"""

from __future__ import annotations

import contextlib
import ctypes
import socket
import threading
from collections.abc import Sequence
from ctypes import wintypes
from typing import NamedTuple, Protocol

from agent.windows.dll import Library, load
from agent.windows.signals import MOST, Signals, SystemSignals

MAX_FOLDERS = MOST - 4
"""Folders that are listened to; in the others a round finds what changed."""
_REST = 0.5
"""Seconds between two reports: a program that writes all the time shall not keep this one busy."""
_PATIENCE = 30.0
_NAMES, _FOLDERS, _ATTRIBUTES, _SIZE, _WRITTEN, _RIGHTS = 0x1, 0x2, 0x4, 0x8, 0x10, 0x100
_DEEP = _NAMES | _FOLDERS | _ATTRIBUTES | _SIZE | _WRITTEN | _RIGHTS
_FLAT = _NAMES | _SIZE | _RIGHTS
"""Without the times and attributes, which folders inside a folder change with everything in them."""
_NONE = ctypes.c_void_p(-1).value
_KERNEL = {
    "FindFirstChangeNotificationW": (wintypes.HANDLE, (wintypes.LPCWSTR, wintypes.BOOL, wintypes.DWORD)),
    "FindNextChangeNotification": (wintypes.BOOL, (wintypes.HANDLE,)),
    "FindCloseChangeNotification": (wintypes.BOOL, (wintypes.HANDLE,)),
}


class Folder(NamedTuple):
    """A folder to listen to, with all below it when `deep`."""

    path: str
    deep: bool


class Notices(Signals, Protocol):
    """What is asked of the system."""

    def listen(self, folder: Folder) -> int | None:
        """Return a signal that goes on when something happens in a folder, None when it cannot be listened to."""

    def listen_on(self, signal: int) -> bool:
        """Switch such a signal off, for what happens next; False when there is nothing to listen to any more."""

    def stop_listening(self, signal: int) -> None:
        """Give such a signal up."""


class SystemNotices(SystemSignals):
    """The system's own; raises OSError off Windows."""

    def __init__(self) -> None:
        super().__init__()
        self._changes: Library = load("kernel32", _KERNEL)

    def listen(self, folder: Folder) -> int | None:
        """See Notices."""
        path, what = folder.path.replace("/", "\\"), _DEEP if folder.deep else _FLAT
        made = self._changes.FindFirstChangeNotificationW(path, folder.deep, what)
        return None if made is None or made == _NONE else int(made)

    def listen_on(self, signal: int) -> bool:
        """See Notices."""
        return bool(self._changes.FindNextChangeNotification(signal))

    def stop_listening(self, signal: int) -> None:
        """See Notices."""
        self._changes.FindCloseChangeNotification(signal)


class FolderHints:
    """Listens to folders; `fileno` becomes readable when something happened in one."""

    def __init__(self, notices: Notices, rest: float = _REST) -> None:
        """Start the thread, which rests so many seconds after each report."""
        self._notices, self._rest = notices, rest
        self._wanted: tuple[Folder, ...] = ()
        self._open: dict[Folder, int] = {}
        self._heard: dict[Folder, None] = {}
        self._hearing = threading.Lock()
        self._look = notices.signal()
        self._ended = threading.Event()
        self._ours, self._theirs = socket.socketpair()
        for end in (self._ours, self._theirs):
            end.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="folders", daemon=True)
        self._thread.start()

    def want(self, folders: Sequence[Folder]) -> None:
        """Listen to these from now on, the first MAX_FOLDERS of them."""
        self._wanted = tuple(dict.fromkeys(folders))
        self._notices.set(self._look)

    @property
    def complete(self) -> bool:
        """Whether every wanted folder is listened to."""
        return set(self._wanted) <= set(self._open)

    def fileno(self) -> int:
        """Return the socket that the thread writes to."""
        return self._ours.fileno()

    def take(self) -> list[Folder]:
        """Return the folders in which something happened since the last time."""
        with contextlib.suppress(BlockingIOError):
            self._ours.recv(64)
        with self._hearing:
            heard, self._heard = self._heard, {}
        return list(heard)

    def end(self) -> None:
        """Stop listening and end the thread."""
        self._ended.set()
        self._notices.set(self._look)
        self._thread.join()
        self._ours.close()
        self._notices.forget(self._look)

    def _run(self) -> None:
        with self._theirs, contextlib.suppress(OSError):  # without the thread, rounds find what changes
            while not self._ended.is_set():
                self._arm()
                signals = dict(self._open)
                found = self._notices.wait([self._look, *signals.values()], _PATIENCE)
                if found == 0:
                    self._notices.reset(self._look)
                elif found is not None:
                    self._report([folder for folder, one in signals.items() if self._notices.wait([one], 0) == 0])
        for signal in self._open.values():
            self._notices.stop_listening(signal)
        self._open = {}

    def _arm(self) -> None:
        wanted = self._wanted[:MAX_FOLDERS]
        kept = {folder: signal for folder, signal in self._open.items() if folder in wanted}
        for signal in self._open.keys() - kept.keys():
            self._notices.stop_listening(self._open[signal])
        for folder in wanted:
            if folder not in kept and (made := self._notices.listen(folder)) is not None:
                kept[folder] = made
        self._open = kept

    def _report(self, folders: list[Folder]) -> None:
        with self._hearing:
            self._heard.update(dict.fromkeys(folders))
        with contextlib.suppress(BlockingIOError):  # full: nobody can miss that there is something
            self._theirs.send(b"\0")
        self._ended.wait(self._rest)
        for folder in folders:
            if not self._notices.listen_on(self._open[folder]):
                self._notices.stop_listening(self._open[folder])
                self._open = {one: signal for one, signal in self._open.items() if one != folder}

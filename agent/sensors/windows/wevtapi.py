"""The event log's own interface (wevtapi.dll) in pull mode, through ctypes. Facts: learn.microsoft.com, winevt.h."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import wintypes
from typing import NamedTuple, Protocol

from agent.windows.dll import Library, last_error, load
from agent.windows.signals import Signals, SystemSignals

MAX_XML = 1 << 20
"""Characters of one rendered event; Windows keeps events of at most 64 KiB."""
ACCESS_DENIED, INVALID_PARAMETER, NO_MORE_ITEMS, NOT_FOUND = 5, 87, 259, 1168
CHANNEL_NOT_FOUND, QUERY_RESULT_STALE, INVALID_POSITION = 15007, 15011, 15012
TOO_LARGE = 122
"""ERROR_INSUFFICIENT_BUFFER, which comes to a caller only for what is above the bound."""
_OLDEST, _AFTER_BOOKMARK, _STRICT = 2, 3, 0x10000
_CHANNEL, _FORWARD, _REVERSE = 0x1, 0x100, 0x200
_FROM_BOOKMARK = 4
_XML, _BOOKMARK = 1, 2
_ENABLED, _RETENTION, _AUTO_BACKUP, _MAX_SIZE = 0, 6, 7, 8
"""EVT_CHANNEL_CONFIG_PROPERTY_ID."""
_FIRST_BUFFER = 64 << 10
_AT_ONCE = 64
"""Events asked for with one call."""
_H, _D, _P = wintypes.HANDLE, wintypes.DWORD, ctypes.POINTER
_FUNCTIONS = {
    "EvtSubscribe": (_H, (_H, _H, wintypes.LPCWSTR, wintypes.LPCWSTR, _H, ctypes.c_void_p, ctypes.c_void_p, _D)),
    "EvtQuery": (_H, (_H, wintypes.LPCWSTR, wintypes.LPCWSTR, _D)),
    "EvtSeek": (wintypes.BOOL, (_H, ctypes.c_int64, _H, _D, _D)),
    "EvtNext": (wintypes.BOOL, (_H, _D, _P(_H), _D, _D, _P(_D))),
    "EvtRender": (wintypes.BOOL, (_H, _H, _D, _D, ctypes.c_void_p, _P(_D), _P(_D))),
    "EvtCreateBookmark": (_H, (wintypes.LPCWSTR,)),
    "EvtUpdateBookmark": (wintypes.BOOL, (_H, _H)),
    "EvtClose": (wintypes.BOOL, (_H,)),
    "EvtOpenChannelConfig": (_H, (_H, wintypes.LPCWSTR, _D)),
    "EvtGetChannelConfigProperty": (wintypes.BOOL, (_H, _D, _D, _D, ctypes.c_void_p, _P(_D))),
}


class EventLogError(OSError):
    """A call that failed; `code` is the error code of Windows."""

    def __init__(self, call: str, code: int) -> None:
        super().__init__(code, f"{call}: Windows error {code}")
        self.code = code


class BookmarkGone(EventLogError):
    """A bookmark that is none, or whose event the log no longer has."""


class Config(NamedTuple):
    """How a channel is set up; with `retention` it keeps old events and takes no new ones when it is full.

    With `auto_backup` besides, the full file is put aside and the log goes on.
    """

    enabled: bool
    max_bytes: int
    retention: bool = False
    auto_backup: bool = False


_GONE = frozenset({NOT_FOUND, QUERY_RESULT_STALE, INVALID_POSITION})


def _refused(call: str) -> EventLogError:
    """Return the error of a call that was given a bookmark. Any other than these says nothing of the bookmark."""
    code = last_error()
    return (BookmarkGone if code in _GONE else EventLogError)(call, code)


class EventLog(Signals, Protocol):
    """What the reader asks of the system; handles are numbers."""

    def subscribe(self, path: str, query: str, signal: int, bookmark: str | None) -> int:
        """Begin strictly after the bookmark, without one at the oldest event; raises EventLogError, BookmarkGone."""

    def find(self, path: str, bookmark: str) -> int:
        """Return the event of a bookmark; raises EventLogError, BookmarkGone."""

    def newest(self, path: str, query: str, most: int) -> list[int]:
        """Return at most so many of the newest events, the oldest of them first; raises EventLogError."""

    def next(self, subscription: int, most: int) -> list[int]:
        """Return the next events, none when there are no more now; raises EventLogError."""

    def xml(self, event: int) -> str:
        """Return an event as XML; raises EventLogError, of code TOO_LARGE above the bound."""

    def bookmark(self, event: int) -> str:
        """Return the bookmark that says up to this event; raises EventLogError."""

    def close(self, handle: int) -> None:
        """Give up a subscription or an event."""

    def config(self, path: str) -> Config | None:
        """Return how a channel is set up, None when there is no such channel; raises EventLogError."""


class SystemEventLog(SystemSignals):
    """The system's event log; raises OSError where there is none."""

    def __init__(self) -> None:
        self._log: Library = load("wevtapi", _FUNCTIONS)
        super().__init__()
        self._buffer = ctypes.create_unicode_buffer(_FIRST_BUFFER // ctypes.sizeof(ctypes.c_wchar))
        self._used, self._count = _D(), _D()
        self._told = (ctypes.byref(self._used), ctypes.byref(self._count))

    def subscribe(self, path: str, query: str, signal: int, bookmark: str | None) -> int:
        """See EventLog."""
        with self._marked(bookmark) as where:
            flags = _OLDEST if where is None else _AFTER_BOOKMARK | _STRICT
            found = self._log.EvtSubscribe(None, signal, path, query, where, None, None, flags)
            if not found:
                raise _refused("EvtSubscribe")
        return int(found)

    def find(self, path: str, bookmark: str) -> int:
        """See EventLog."""
        with self._marked(bookmark) as where:
            results = self._log.EvtQuery(None, path, "*", _CHANNEL | _FORWARD)
            if not results:
                raise _refused("EvtQuery")
            try:
                if not self._log.EvtSeek(results, 0, where, 0, _FROM_BOOKMARK | _STRICT):
                    raise _refused("EvtSeek")
                events = self.next(results, 1)
            finally:
                self._log.EvtClose(results)
        if not events:
            raise BookmarkGone("EvtNext", NOT_FOUND)
        return events[0]

    def newest(self, path: str, query: str, most: int) -> list[int]:
        """See EventLog."""
        results = self._log.EvtQuery(None, path, query, _CHANNEL | _REVERSE)
        if not results:
            raise EventLogError("EvtQuery", last_error())
        events: list[int] = []
        try:
            while len(events) < most and (more := self.next(results, min(_AT_ONCE, most - len(events)))):
                events += more
        except EventLogError:
            for event in events:
                self._log.EvtClose(event)
            raise
        finally:
            self._log.EvtClose(results)
        return events[::-1]

    @contextmanager
    def _marked(self, bookmark: str | None) -> Iterator[int | None]:
        if bookmark is None:
            yield None
            return
        where = self._log.EvtCreateBookmark(bookmark)
        if not where:
            # It only reads the text, so whatever it complains of is the text.
            raise BookmarkGone("EvtCreateBookmark", last_error())
        try:
            yield where
        finally:
            self._log.EvtClose(where)

    def next(self, subscription: int, most: int) -> list[int]:
        """See EventLog."""
        events = (_H * most)()
        count = _D()
        if not self._log.EvtNext(subscription, most, events, 0, 0, ctypes.byref(count)):
            code = last_error()
            if code == NO_MORE_ITEMS:
                return []
            raise EventLogError("EvtNext", code)
        return [int(event) for event in events[: count.value] if event]

    def xml(self, event: int) -> str:
        """See EventLog."""
        return self._rendered(event, _XML)

    def bookmark(self, event: int) -> str:
        """See EventLog."""
        made = self._log.EvtCreateBookmark(None)
        if not made:
            raise EventLogError("EvtCreateBookmark", last_error())
        try:
            if not self._log.EvtUpdateBookmark(made, event):
                raise EventLogError("EvtUpdateBookmark", last_error())
            return self._rendered(made, _BOOKMARK)
        finally:
            self._log.EvtClose(made)

    def _rendered(self, handle: int, what: int) -> str:
        used, buffer, size = self._used, self._buffer, _FIRST_BUFFER
        while not self._log.EvtRender(None, handle, what, size, buffer, *self._told):
            code = last_error()
            if code != TOO_LARGE or used.value > 2 * MAX_XML or used.value <= size:
                raise EventLogError("EvtRender", code)
            # For this event alone: the next ones are small again.
            buffer, size = ctypes.create_unicode_buffer(used.value // 2), used.value
        return ctypes.wstring_at(buffer, used.value // 2).rstrip("\0")

    def close(self, handle: int) -> None:
        """See EventLog."""
        self._log.EvtClose(handle)

    def config(self, path: str) -> Config | None:
        """See EventLog."""
        config = self._log.EvtOpenChannelConfig(None, path, 0)
        if not config:
            code = last_error()
            if code == CHANNEL_NOT_FOUND:
                return None
            raise EventLogError("EvtOpenChannelConfig", code)
        try:
            enabled, size, retention, backup = (
                self._property(config, one) for one in (_ENABLED, _MAX_SIZE, _RETENTION, _AUTO_BACKUP)
            )
        finally:
            self._log.EvtClose(config)
        return Config(bool(enabled & 0xFF), size, bool(retention & 0xFF), bool(backup & 0xFF))

    def _property(self, config: int, which: int) -> int:
        variant = ctypes.create_string_buffer(16)  # EVT_VARIANT: the value stands first
        if not self._log.EvtGetChannelConfigProperty(config, which, 0, len(variant), variant, ctypes.byref(self._used)):
            raise EventLogError("EvtGetChannelConfigProperty", last_error())
        return int.from_bytes(variant.raw[:8], "little")

"""Who wrote to a file, where Windows audits that (4663, 4670) or Sysmon tells of it: joined by path and time."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from agent.fim.entries import Entry
from agent.fim.watch import Who
from agent.wire.event import TIMESTAMP, Record

EVENTS = frozenset({"11", "23", "26", "4663", "4670"})
MAX_KEPT, MAX_NAMES = 2048, 256
NEAR = 5_000_000
"""Microseconds between the event of an access and the change of its file."""
GONE = 900_000_000
"""The same for a file that is gone, whose time of change is gone with it."""
_WRITING = 0x2 | 0x4 | 0x10 | 0x40 | 0x100 | 0x10000 | 0x40000 | 0x80000
"""AccessMask: data, extended attributes, children deleted, attributes, deletion, access list, owner."""
_DELETING = 0x10000
_SYSMON = "Microsoft-Windows-Sysmon/Operational"
_VOLUME = re.compile(r"(?:[A-Za-z]:|\\Device\\HarddiskVolume\d{1,4})(?=\\)")
CommandOf = Callable[[int, str], str]
"""Returns the command line of a process by its number and program, empty when it is not known."""


class _Access(NamedTuple):
    at: int
    who: Who
    deletes: bool


class Accesses:
    """The newest writing access to each path."""

    def __init__(self, command_of: CommandOf = lambda _number, _program: "") -> None:
        self._command_of = command_of
        self._known: OrderedDict[str, _Access] = OrderedDict()
        self._names: OrderedDict[str, str] = OrderedDict()

    def note(self, record: Record) -> None:
        """Take note of a record of the event log; one that tells of no writing is passed over."""
        at, code = record.get(TIMESTAMP), record.get("EventID")
        if not isinstance(at, int):
            return
        if record.get("Channel") == _SYSMON and code in ("11", "23", "26"):
            who = self._who(record, "Image", record.get("ProcessId"), "")
            self._keep(record.get("TargetFilename"), _Access(at, who, deletes=code != "11"))
        elif record.get("Channel") == "Security" and code in ("4663", "4670") and record.get("ObjectType") == "File":
            mask = _number(record.get("AccessMask")) if code == "4663" else _WRITING & ~_DELETING
            if mask & _WRITING:
                sid = str(record.get("SubjectUserSid") or "")
                self._keep_name(sid, record.get("SubjectUserName"))
                who = self._who(record, "ProcessName", record.get("ProcessId"), sid)
                self._keep(record.get("ObjectName"), _Access(at, who, deletes=bool(mask & _DELETING)))

    def find(self, path: str, after: Entry | None, now: int) -> Who | None:
        """Return who brought a path into the state `after` (None: away) that was found at `now` (µs)."""
        access = self._known.get(_key(path.replace("/", "\\")))
        if access is None:
            return None
        if after is None:
            return access.who if access.deletes and now - access.at <= GONE else None
        return access.who if abs(after.ctime // 1000 - access.at) <= NEAR else None

    def name(self, sid: str) -> str | None:
        """Return the name of an account by its SID."""
        return self._names.get(sid)

    def _who(self, record: Record, program: str, number: object, sid: str) -> Who:
        executable, pid = str(record.get(program) or ""), _number(number)
        return Who(pid or None, executable, self._command_of(pid, executable), sid)

    def _keep(self, path: object, access: _Access) -> None:
        if isinstance(path, str) and path:
            key = _key(path)
            self._known.pop(key, None)
            self._known[key] = access
            if len(self._known) > MAX_KEPT:
                self._known.popitem(last=False)

    def _keep_name(self, sid: str, name: object) -> None:
        if sid and isinstance(name, str) and name:
            self._names[sid] = name
            if len(self._names) > MAX_NAMES:
                self._names.popitem(last=False)


def _key(path: str) -> str:
    """Return a path without its volume, which events name in two ways, in one case."""
    return _VOLUME.sub("", path, count=1).casefold()


def _number(value: object) -> int:
    try:
        return int(value, 0) if isinstance(value, str) and len(value) < 20 else 0
    except ValueError:
        return 0

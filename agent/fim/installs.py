"""What the event log of Windows says of installations: when which package was at work on the system's files. Pure.

Facts: MsiInstaller 1040 and 1042 (begin and end of a transaction), 1033 and 1034 (product installed, removed);
WindowsUpdateClient 43 and 19 (installation begun, done); Servicing 1 and 2 (package changes state, has changed it).
The first stands in a log that every account may write to, so that it speaks for no file of a person's own folders.
"""

from __future__ import annotations

import ntpath
from collections import deque
from typing import NamedTuple

from agent.wire.event import TIMESTAMP, Record

MSI, UPDATE, SERVICING = "MsiInstaller", "Microsoft-Windows-WindowsUpdateClient", "Microsoft-Windows-Servicing"
EVENTS = frozenset({"1", "2", "19", "43", "1033", "1034", "1040", "1042"})
LONGEST = 3600.0
"""Seconds that an installation may last whose begin or end nobody saw."""
NEAR = 60.0
"""Seconds after the end in which a change may still be the package's."""
MAX_KEPT = 256
_MANAGERS = (
    r"\windows\servicing\trustedinstaller.exe",
    r"\windows\system32\msiexec.exe",
    r"\windows\syswow64\msiexec.exe",
    r"\windows\system32\poqexec.exe",
    r"\windows\system32\wusa.exe",
    r"\windows\system32\dism.exe",
)
_WORKER = r"\tiworker.exe"
_STORE = r"\windows\winsxs\amd64_microsoft-windows-servicingstack_"
_NAME = 200


class _Installed(NamedTuple):
    begin: float
    end: float
    name: str


class Installs:
    """Remembers the newest installations that the event log told of."""

    def __init__(self) -> None:
        self._done: deque[_Installed] = deque(maxlen=MAX_KEPT)
        self._begun: dict[tuple[str, str], _Installed] = {}

    def note(self, record: Record) -> None:
        """Take note of a record of the event log; one that tells of no installation is passed over."""
        moment, provider, code = record.get(TIMESTAMP), record.get("Provider_Name"), record.get("EventID")
        if not isinstance(moment, int):
            return
        at = moment / 1_000_000
        if provider == MSI:
            self._of_msi(str(code), at, _first(record.get("Data")))
        elif provider == UPDATE and code in ("43", "19"):
            self._of(UPDATE, _text(record, "updateTitle"), at, ended=code == "19")
        elif provider == SERVICING and code in ("1", "2"):
            self._of(SERVICING, _text(record, "PackageIdentifier"), at, ended=code == "2")

    def package_at(self, moment: float) -> str:
        """Return the package that was at work at a moment (s), empty for none."""
        for one in reversed(self._done):
            if one.begin - 1.0 <= moment <= one.end + NEAR:
                return one.name
        for one in self._begun.values():
            if one.begin - 1.0 <= moment <= one.end:
                return one.name
        return ""

    def _of_msi(self, code: str, at: float, text: str) -> None:
        key = (MSI, "")
        if code == "1040":
            self._begun[key] = _Installed(at, at + LONGEST, ntpath.basename(text)[:_NAME] or MSI)
        elif code in ("1033", "1034"):
            before = self._begun.get(key)
            if before is None:
                self._done.append(_Installed(at - NEAR, at, text[:_NAME] or MSI))
            else:
                self._begun[key] = before._replace(name=text[:_NAME] or before.name)
        elif code == "1042" and (before := self._begun.pop(key, None)) is not None:
            self._done.append(before._replace(end=at))

    def _of(self, provider: str, name: str, at: float, *, ended: bool) -> None:
        key = (provider, name)
        if not ended:
            self._begun.pop(key, None)
            self._begun[key] = _Installed(at, at + LONGEST, name or provider)
            while len(self._begun) > MAX_KEPT:
                del self._begun[next(iter(self._begun))]
            return
        before = self._begun.pop(key, None)
        begin = at - LONGEST if before is None else max(before.begin, at - LONGEST)
        self._done.append(_Installed(begin, at, name or provider))


def is_manager(executable: str) -> bool:
    """Say whether a program is one by which Windows installs, by its path: a copy elsewhere is none."""
    path = executable.casefold()[2:]
    return path in _MANAGERS or (path.startswith(_STORE) and path.endswith(_WORKER))


def _first(value: object) -> str:
    return str(value[0]) if isinstance(value, (list, tuple)) and value else value if isinstance(value, str) else ""


def _text(record: Record, name: str) -> str:
    return str(record.get(name) or "")[:_NAME]

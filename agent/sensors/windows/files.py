"""The file monitor of Windows as a sensor: rounds, and looks through folders in which something happened."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from agent.fim.installs import Installs, is_manager
from agent.fim.ntfs import Ntfs
from agent.fim.places import Places, expanded
from agent.fim.records import Host, Packages, record_of
from agent.fim.watch import Finding, Looking, moved_from
from agent.fim.windows_places import WINDOWS, WINDOWS_LEFT_OUT
from agent.sensors.filerounds import FileRounds
from agent.sensors.windows.accesses import Accesses
from agent.sensors.windows.hints import Folder, FolderHints, Notices, SystemNotices
from agent.windows.facts import machine_value
from agent.wire.sending.sensor import ALERTING, USUAL, About, Availability, Item, Reading

LOG = logging.getLogger(__name__)
FIRST = 300.0
"""Seconds from the start to the first comparison: what the event log says of updates that ended with the start of
Windows shall be known by then. A baseline that was never taken is taken at once."""
_WEB_SERVER, _PROFILES = r"SOFTWARE\Microsoft\InetStp", r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList"


def variables(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return what stands for the names in the places: from the environment, from the registry, else the usual."""
    root = environment.get("SystemRoot", r"C:\Windows")
    drive = root[:2]
    usual = {
        "SystemRoot": root,
        "SystemDrive": drive,
        "ProgramData": environment.get("ProgramData", rf"{drive}\ProgramData"),
        "ProgramFiles": environment.get("ProgramFiles", rf"{drive}\Program Files"),
        "Profiles": rf"{drive}\Users",
        "WebRoot": rf"{drive}\inetpub\wwwroot",
    }
    told = {
        "Profiles": machine_value(_PROFILES, "ProfilesDirectory"),
        "WebRoot": machine_value(_WEB_SERVER, "PathWWWRoot"),
    }
    for name, value in told.items():
        if isinstance(value, str) and value:
            usual[name] = value.replace("%SystemDrive%", drive).replace("%SystemRoot%", root)
    return usual


def windows_places() -> Places:
    """Return the watched places of this machine."""
    names = variables()
    return Places(expanded(WINDOWS, names), expanded(WINDOWS_LEFT_OUT, names), any_case=True)


class WindowsFileSensor(FileRounds):
    """Which watched file changed, how, and, where the event log tells, by whom."""

    about = About(
        "fim",
        "Zmiany w plikach, które decydują o systemie (sterowniki, zadania, autostart, strony WWW, dodatki Office): "
        "nazwa, skrót SHA-256, prawa, a gdy Windows albo Sysmon to zapisuje, także kto zmienił. Bez treści plików.",
        "Changes of files that decide over the system (drivers, tasks, start-up, web pages, add-ins of Office): name, "
        "SHA-256 hash, rights and, where Windows or Sysmon records it, who changed it. No content of files.",
    )

    def __init__(
        self,
        home: Path,
        accesses: Accesses,
        installs: Installs,
        *,
        places: Callable[[], Places] = windows_places,
        looking: Looking | None = None,
        notices: Callable[[], Notices] = SystemNotices,
        first: float = FIRST,
    ) -> None:
        """Keep the baseline under `home`; `accesses` and `installs` are told of by the reader of the event log."""
        super().__init__(home, "windows", places, looking)
        self._accesses, self._installs = accesses, installs
        self._notices, self._first = notices, first
        self._hints: FolderHints | None = None

    def availability(self) -> Availability:
        """Limited where there are too many files, or where folders are not listened to."""
        if self._watch is not None and self._watch.too_many:
            return Availability("limited", "sensor.reason.too_many_files")
        if self._watch is not None and not self._seen_live:
            return Availability("limited", "sensor.reason.rounds_only")
        return Availability("on")

    @property
    def _seen_live(self) -> bool:
        return self._hints is not None and self._hints.complete

    def open(self, _bookmarks: Mapping[str, str]) -> list[Item]:
        """Start to listen; begin a round now when there is no baseline, else somewhat later."""
        self._looking = self._looking or Ntfs().look
        self._open_baseline()
        self._hints = FolderHints(self._notices())
        self._hints.want(self._folders())
        assert self._baseline is not None
        if self._baseline.fresh:
            self._begin()
        else:
            self._round_at = time.monotonic() + self._first
        LOG.info("fim_opened known=%d", self._known)
        return []

    def _begin(self) -> None:
        super()._begin()
        if self._hints is not None:
            self._hints.want(self._folders())  # places come and go: profiles of people, a web server

    def _folders(self) -> list[Folder]:
        """Return the folders to listen to: watched trees, and those that hold single watched files."""
        found: list[Folder] = []
        for path in self._places.found():
            one = Path(path)
            found.append(Folder(path, deep=True) if one.is_dir() else Folder(path.rpartition("/")[0], deep=False))
        return list(dict.fromkeys(found))

    def fileno(self) -> int:
        """Return the socket of the hints."""
        return self._hints.fileno() if self._hints is not None else -1

    def read(self) -> list[Item]:
        """Note in which folders something happened; they are looked through when they have settled."""
        assert self._hints is not None
        assert self._watch is not None
        for folder in self._hints.take():
            self._watch.report_tree(folder.path, deep=folder.deep)
        return []

    def _items(self, findings: list[Finding]) -> list[Item]:
        assert self._baseline is not None
        if not findings:
            return []
        now, moved = time.time_ns() // 1000, moved_from(findings)
        host = Host("windows", self._baseline.name, self._accesses.name, is_manager)
        items: list[Item] = []
        for found in findings:
            finding = found._replace(who=self._accesses.find(found.path, found.after, now))
            record = record_of(finding, host, self._packages(found.path), moved.get(found.path, ""), now)
            items.append(Reading(record, USUAL if record["fim.by_package_manager"] else ALERTING))
        return items

    def _packages(self, path: str) -> Packages:
        """Return what tells of installations; nothing does for a person's own files, which need no installer."""
        return _no_package if _is_of_a_person(path) else self._installs.package_at

    def close(self) -> None:
        """Stop listening and keep the baseline."""
        if self._hints is not None:
            self._hints.end()
        self._hints = None
        self._close_baseline()


def _no_package(_moment: float) -> str:
    return ""


def _is_of_a_person(path: str) -> bool:
    return "/appdata/" in path.casefold() or "/users/" in path.casefold()

"""The file monitor of Linux as a sensor: fanotify where it may, else rounds alone."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from agent.fim import places as placed
from agent.fim.dpkglog import DpkgLog
from agent.fim.fanotify import OVERFLOW, Fanotify
from agent.fim.owners import Owners
from agent.fim.packages import package_at
from agent.fim.places import Places
from agent.fim.records import Host, Packages, record_of
from agent.fim.watch import Finding, Who, moved_from
from agent.sensors.filerounds import FileRounds
from agent.sensors.processes import Processes, Users
from agent.wire.sending.sensor import ALERTING, USUAL, About, Availability, Gap, Item, Reading

LOG = logging.getLogger(__name__)
_PARENTS = 5
_READS = 64
"""Buffers that are read at once: the kernel keeps no more events for one group (16,384, fanotify(7))."""


class FileSensor(FileRounds):
    """Who changed which watched file, and how."""

    about = About(
        "fim",
        "Zmiany w plikach, które decydują o systemie (ustawienia, programy, zadania, klucze): nazwa, skrót SHA-256, "
        "prawa, kto zmienił. Bez treści plików.",
        "Changes of files that decide over the system (settings, programs, tasks, keys): name, SHA-256 hash, rights, "
        "who changed it. No content of files.",
    )

    def __init__(self, home: Path, processes: Processes, places: Places | None = None) -> None:
        """Keep the baseline under `home`; `processes` are those that the audit has seen start."""
        super().__init__(home, "linux", lambda: places or Places(placed.LINUX, placed.LINUX_LEFT_OUT))
        self._processes = processes
        self._users = Users()
        self._fanotify: Fanotify | None = None
        self._idle: select.epoll | None = None
        self._dpkg_log, self._owners = DpkgLog(), Owners()
        self._marked = False

    def availability(self) -> Availability:
        """Root is needed to read all watched files; without fanotify changes are found by rounds alone."""
        if os.geteuid() != 0:
            return Availability("off", "sensor.reason.needs_root")
        if self._watch is not None and self._watch.too_many:
            return Availability("limited", "sensor.reason.too_many_files")
        if self._watch is not None and not self._marked:
            return Availability("limited", "sensor.reason.rounds_only")
        return Availability("on")

    def open(self, _bookmarks: Mapping[str, str]) -> list[Item]:
        """Start to listen, then begin a round for what happened meanwhile."""
        self._open_baseline()
        self._marked = self._listen()
        if self._fanotify is None:
            self._idle = select.epoll()
        self._begin()
        LOG.info("fim_opened known=%d fanotify=%s", self._known, self._marked)
        return []

    def _listen(self) -> bool:
        """Mark the file systems of all places; say whether every one could be."""
        try:
            self._fanotify = Fanotify(self._places.may_hold)
            devices: dict[int, str] = {}
            for path in self._places.found():
                with contextlib.suppress(FileNotFoundError):
                    devices.setdefault(Path(path).stat().st_dev, path)
            for path in devices.values():
                self._fanotify.mark(path)
        except OSError as error:
            LOG.warning("fim_without_fanotify error=%s", error)
            if self._fanotify is not None:
                self._fanotify.close()
            self._fanotify = None
            return False
        return True

    @property
    def _seen_live(self) -> bool:
        return self._marked

    def fileno(self) -> int:
        """Return the descriptor of fanotify, else one that is never readable."""
        if self._fanotify is not None:
            return self._fanotify.descriptor
        assert self._idle is not None
        return self._idle.fileno()

    def read(self) -> list[Item]:
        """Note what is reported; it is looked at when it has settled."""
        items: list[Item] = []
        assert self._watch is not None
        own = os.getpid()
        for event in self._fanotify.read() if self._fanotify is not None else ():
            if event.mask & OVERFLOW:
                now = time.time_ns() // 1000
                items.append(Gap("fim_overflow", 0, now, now))
                self._watch.overflowed = True
            elif event.pid != own and self._places.covers(event.path):
                self._watch.report(event.path, self._who(event.pid))
        return items

    def _hear(self) -> list[Item]:
        items: list[Item] = []
        for _ in range(_READS):
            if self._fanotify is None or not select.select([self._fanotify.descriptor], [], [], 0)[0]:
                break
            items += self.read()
        return items

    def _who(self, pid: int) -> Who:
        process = self._processes.find(pid)
        if process is None:
            return Who(pid)
        parents: list[str] = []
        above = process
        while (
            len(parents) < _PARENTS and above.parent > 1 and (found := self._processes.find(above.parent)) is not None
        ):
            parents.append(found.executable)
            above = found
        return Who(pid, process.executable, process.command_line, process.user, tuple(parents))

    def _items(self, findings: list[Finding]) -> list[Item]:
        assert self._baseline is not None
        if not findings:
            return []
        now, moved = time.time_ns() // 1000, moved_from(findings)
        host = Host("linux", self._baseline.name, self._users.name)
        items: list[Item] = []
        for found in findings:
            finding = self._known_by_now(found)
            record = record_of(finding, host, self._packages_for(finding), moved.get(finding.path, ""), now)
            items.append(Reading(record, USUAL if record["fim.by_package_manager"] else ALERTING))
        return items

    def _known_by_now(self, finding: Finding) -> Finding:
        """Name a process that had ended before it could be asked: the audit has told of its start meanwhile."""
        who = finding.who
        if who is None or who.executable or who.pid is None:
            return finding
        return finding._replace(who=self._who(who.pid))

    def _packages_for(self, finding: Finding) -> Packages:
        """Return what tells the package of a moment: one that owns the path, where nobody saw who changed it."""
        if finding.who is not None:
            return self._package_at
        return partial(self._package_at, owns=lambda package: self._owners.owns(package, finding.path))

    def _package_at(self, moment: float, owns: Callable[[str], bool] = lambda _package: True) -> str:
        return package_at(self._dpkg_log.until(moment), moment, owns)

    def close(self) -> None:
        """Stop listening and keep the baseline."""
        if self._fanotify is not None:
            self._fanotify.close()
        if self._idle is not None:
            self._idle.close()
        self._close_baseline()
        self._fanotify, self._idle, self._marked = None, None, False

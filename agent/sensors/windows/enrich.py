"""What Windows leaves out of its event of a program start (4688) and rules ask for, added where the host knows it.

From the program's file: the strings of its version and its hashes, kept by the file's identity. From the events before,
and from what ran when the reading began: the parent's command line and account. Names are Sysmon's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from hashlib import md5, sha256
from pathlib import Path
from typing import NamedTuple

from agent.sensors.windows import pe
from agent.sensors.windows.alive import Alive
from agent.wire.event import TIMESTAMP, Record

MAX_FILE = 64 << 20
"""Bytes of a program that is hashed; of a larger one only the strings are told."""
MAX_KEPT_FILES = 1024
MAX_KEPT_PROCESSES = 4096
_CHUNK = 1 << 20
_LOCAL = re.compile(r"[A-Za-z]:\\")
"""Never a path of the network: opening one would show this machine's credentials to whoever offers it."""
_NOBODY = "S-1-0-0"
_NEWER = 2_000_000
"""Microseconds by which a file may seem newer than the start of its program: clocks of file systems are coarse."""
Facts = dict[str, str]


class _Process(NamedTuple):
    image: str
    command: str
    user: str
    since: int


def facts_of(path: Path) -> Facts:
    """Return what a program's file says: version strings and `Hashes`; raises OSError."""
    with path.open("rb") as file:

        def read(offset: int, size: int) -> bytes:
            file.seek(offset)
            return file.read(size)

        facts = pe.strings(read)
        if os.fstat(file.fileno()).st_size <= MAX_FILE:
            short, long = md5(usedforsecurity=False), sha256()
            file.seek(0)
            while data := file.read(_CHUNK):
                short.update(data)
                long.update(data)
            hashes = {"MD5": short.hexdigest(), "SHA256": long.hexdigest(), "IMPHASH": pe.imphash(read)}
            facts["Hashes"] = ",".join(f"{name}={value.upper()}" for name, value in hashes.items() if value)
    return facts


class Enricher:
    """Adds to the records of 4688, in their order. `wanted` is off where Sysmon tells of the same starts."""

    def __init__(self, facts: Callable[[Path], Facts] = facts_of) -> None:
        self.wanted = True
        self._facts_of = facts
        self._files: dict[tuple[int, int, int, int], Facts] = {}
        self._processes: dict[int, _Process] = {}

    def fill(self, running: Iterable[Alive]) -> None:
        """Learn what runs already; what was seen to start is known better."""
        for one in running:
            if one.number not in self._processes:
                self._keep(one.number, _Process(one.image, one.command, one.user, one.since))

    def enrich(self, record: Record) -> None:
        """Add what is known to a record of a program start; leave every other as it is."""
        if not self.wanted or record.get("EventID") != "4688" or record.get("Channel") != "Security":
            return
        image = _text(record, "NewProcessName")
        moment = record.get(TIMESTAMP)
        if _LOCAL.match(image) and isinstance(moment, int):
            for name, value in self._file(Path(image), moment).items():
                record.setdefault(name, value)
        self._add_parent(record, moment if isinstance(moment, int) else 0)
        number = _number(_text(record, "NewProcessId"))
        if number is not None:
            since = moment if isinstance(moment, int) else 0
            self._keep(number, _Process(image, _text(record, "CommandLine"), _user(record), since))

    def command_of(self, number: int, image: str) -> str:
        """Return the command line of a process that was seen to start, empty for any other."""
        found = self._processes.get(number)
        return found.command if found is not None and found.image.casefold() == image.casefold() else ""

    def _file(self, path: Path, started: int) -> Facts:
        try:
            status = path.stat()
            # What lies there now is what was started only if it was there then.
            if status.st_mtime_ns // 1000 > started + _NEWER:
                return {}
            key = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
            known = self._files.get(key)
            if known is None:
                known = self._files[key] = self._facts_of(path)
                while len(self._files) > MAX_KEPT_FILES:
                    del self._files[next(iter(self._files))]
        except (OSError, ValueError):  # gone already, not for us, or a name that no file can have
            return {}
        return known

    def _add_parent(self, record: Record, moment: int) -> None:
        number = _number(_text(record, "ProcessId"))
        parent = self._processes.get(number) if number is not None else None
        named = _text(record, "ParentProcessName")
        # Numbers are used again: only a process of the same program, and not a later one, is the parent.
        if parent is None or (named and named.casefold() != parent.image.casefold()) or parent.since > moment:
            return
        record.setdefault("ParentProcessName", parent.image)
        if parent.command:
            record.setdefault("ParentCommandLine", parent.command)
        if parent.user:
            record.setdefault("ParentUser", parent.user)

    def _keep(self, number: int, process: _Process) -> None:
        self._processes.pop(number, None)
        self._processes[number] = process
        while len(self._processes) > MAX_KEPT_PROCESSES:
            del self._processes[next(iter(self._processes))]


def _text(record: Record, name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else ""


def _number(text: str) -> int | None:
    try:
        return int(text, 0) if text else None
    except ValueError:
        return None


def _user(record: Record) -> str:
    """Return the account of the new process: the target's where there is one, else that of who started it."""
    side = "Subject" if _text(record, "TargetUserSid") in ("", _NOBODY) else "Target"
    domain, name = _text(record, f"{side}DomainName"), _text(record, f"{side}UserName")
    return f"{domain}\\{name}" if domain and name else name

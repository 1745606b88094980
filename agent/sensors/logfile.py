"""sshd, sudo, cron and account changes from log files, where no journal runs."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from pathlib import Path

from agent.sensors.inotify import Inotify
from agent.sensors.sysloglines import parse_line
from agent.wire.event import CREATED, ID, TIMESTAMP, event_id
from agent.wire.sending.sensor import About, Availability, Bookmark, Gap, Item, Reading
from agent.wire.sending.tail import TOO_LONG, Tail, TailLine, decode_mark

FOLDER = Path("/var/log")
NAMES = ("auth.log", "secure", "cron.log", "cron", "syslog", "messages")
_BOOKMARK = "file:"


class LogFileSensor:
    """Follows the usual log files of one folder."""

    about = About(
        "logfile",
        "Logowania (ssh), sudo, su, zadania cron oraz zmiany kont: wiersze tych programów z plików w /var/log.",
        "Log-ins (ssh), sudo, su, cron jobs and account changes: these programs' lines from the files in /var/log.",
    )

    def __init__(self, folder: Path = FOLDER, names: Sequence[str] = NAMES, *, journal: Path | None = None) -> None:
        """Follow `names` in `folder`; where the socket `journal` exists the journal's sensor does this work."""
        self._folder = folder
        self._names = tuple(names)
        self._journal = journal
        self._inotify: Inotify | None = None
        self._tails: dict[str, Tail] = {}
        self._again: set[str] = set()
        self._read_at: dict[str, int] = {}

    def availability(self) -> Availability:
        """Readable files make it work; some unreadable ones limit it."""
        if self._journal is not None and self._journal.exists():
            return Availability("off", "sensor.reason.journal_in_use")
        try:
            present = [self._folder / name for name in self._names if (self._folder / name).is_file()]
        except PermissionError:
            return Availability("off", "sensor.reason.needs_root")
        readable = [path for path in present if os.access(path, os.R_OK)]
        if len(readable) < len(present):
            return Availability("limited" if readable else "off", "sensor.reason.needs_root")
        return Availability("on") if present else Availability("limited", "sensor.reason.no_log_files")

    def open(self, bookmarks: Mapping[str, str]) -> list[Item]:
        """Watch the folder and take up each file at its bookmark, or at its end the first time."""
        self._inotify = Inotify()
        self._inotify.watch(self._folder)
        items: list[Item] = []
        for name in self._names:
            items += self._take_up(name, bookmarks.get(_BOOKMARK + str(self._folder / name)))
        return items

    def _take_up(self, name: str, bookmark: str | None) -> list[Item]:
        path = self._folder / name
        mark = decode_mark(bookmark) if bookmark else None
        try:
            tail = Tail(path, mark)
        except OSError:
            return []
        self._tails[name] = tail
        items = self._lost(name, tail)
        if bookmark is None and path.exists():
            items.append(Reading(None, bookmark=self._bookmark(tail, tail.position)))
        return items + self._read(name)

    def fileno(self) -> int:
        """Return the inotify descriptor."""
        return self._inotify.descriptor if self._inotify is not None else -1

    def read(self) -> list[Item]:
        """Read the files that changed."""
        assert self._inotify is not None
        changed = self._inotify.names()
        wanted = self._names if "" in changed else [name for name in self._names if name in changed]
        return [item for name in wanted for item in self._read(name)]

    def wait(self) -> float | None:
        """Come again at once while a file had more than one read takes."""
        return 0.0 if self._again else None

    def tick(self) -> list[Item]:
        """Go on with files that had more."""
        return [item for name in sorted(self._again) for item in self._read(name)]

    def finish(self) -> list[Item]:
        """Hold nothing back."""
        return []

    def close(self) -> None:
        """Close all files."""
        for tail in self._tails.values():
            tail.close()
        self._tails.clear()
        self._again.clear()
        if self._inotify is not None:
            self._inotify.close()
            self._inotify = None

    def _read(self, name: str) -> list[Item]:
        self._again.discard(name)
        tail = self._tails.get(name)
        try:
            if tail is None:
                tail = self._tails[name] = Tail(self._folder / name, None, from_start=True)
            lines = tail.read()
        except OSError:
            return []
        if lines:
            self._again.add(name)
        items = self._lost(name, tail)
        items += [item for line in lines if (item := self._item(tail, line)) is not None]
        if lines:
            items.append(Reading(None, bookmark=self._bookmark(tail, lines[-1].end)))
        return items

    def _lost(self, name: str, tail: Tail) -> list[Item]:
        """Return what a file lost since it was last read; how many lines a cut one had, nobody knows."""
        now = _micros()
        since = self._read_at.get(name, now)
        self._read_at[name] = now
        return [Gap(cause, int(cause == TOO_LONG), since, now) for cause in tail.losses()]

    def _item(self, tail: Tail, line: TailLine) -> Item | None:
        record = parse_line(line.data, datetime.now().astimezone())
        if record is None:
            return None
        digest = blake2b(line.data, digest_size=8).hexdigest()
        record[ID] = event_id("file", line.device, line.inode, line.start, digest)
        record[CREATED] = _micros()
        record.setdefault(TIMESTAMP, record[CREATED])
        record["log.file.path"] = str(tail.path)
        return Reading(record)

    def _bookmark(self, tail: Tail, offset: int) -> Bookmark:
        return Bookmark(_BOOKMARK + str(tail.path), tail.mark(offset).encode())


def _micros() -> int:
    return time.time_ns() // 1000

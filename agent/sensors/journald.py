"""sshd, sudo, cron and account changes from the systemd journal, through a child `journalctl -f`."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agent.sensors.sysloglines import APPNAMES, parse_entry
from agent.wire.event import CREATED, ID, TIMESTAMP, event_id
from agent.wire.sending.sensor import About, Availability, Bookmark, Gap, Item, Reading, SensorLost

if TYPE_CHECKING:
    import subprocess

SOCKET = Path("/run/systemd/journal/socket")
"""Exists where a journal runs."""
BOOKMARK = "journald.cursor"
MAX_ENTRY = 256 * 1024
"""Bytes of one entry that are read; a longer one is walked over and counted."""
_END = 0.5
"""Seconds in which a child whose output has ended has to be gone."""
_FIELDS = "MESSAGE,SYSLOG_IDENTIFIER,SYSLOG_PID,_PID,_UID,_HOSTNAME"
_JOURNALS = (Path("/var/log/journal"), Path("/run/log/journal"))


TRIES = 3
"""How often journalctl has to refuse a cursor, one time after the other, before it is given up."""
_MOMENT = re.compile(r"(?:\A|;)t=([0-9a-f]{1,15})(?:;|\Z)")


def command(cursor: str | None, program: str = "journalctl", since: int | None = None) -> list[str]:
    """Return the child's command line: after the cursor, else since a moment (µs), else with what comes."""
    names = sorted({*APPNAMES, "CRON"})
    if cursor is not None:
        where = [f"--after-cursor={cursor}"]
    else:
        where = ["--lines=0"] if since is None else [f"--since=@{since // 10**6}.{since % 10**6:06}", "--no-tail"]
    wanted = [f"--identifier={name}" for name in names]
    return [program, "--follow", "--output=json", "--quiet", f"--output-fields={_FIELDS}", *where, *wanted]


class JournalSensor:
    """The journal as a sensor."""

    about = About(
        "journald",
        "Logowania (ssh), sudo, su, zadania cron oraz zmiany kont: wpisy tych programów z dziennika systemd.",
        "Log-ins (ssh), sudo, su, cron jobs and account changes: these programs' entries of the systemd journal.",
    )

    def __init__(
        self, program: str = "journalctl", socket: Path = SOCKET, journals: Sequence[Path] = _JOURNALS
    ) -> None:
        """Read with `program` where `socket` exists; `journals` are the folders whose readability is checked."""
        self._program = program
        self._socket = socket
        self._journals = tuple(journals)
        self._child: subprocess.Popen[bytes] | None = None
        self._buffer = b""
        self._skipping = False
        self._cursor: str | None = None
        self._fresh = True
        self._refused = 0
        self._since: int | None = None
        self._began = 0

    def availability(self) -> Availability:
        """A running journal and its program are needed; all users' entries need the right to read them."""
        if not self._socket.exists():
            return Availability("off", "sensor.reason.no_journal")
        if not _found(self._program):
            return Availability("off", "sensor.reason.no_journalctl")
        folders = [folder for folder in self._journals if folder.is_dir()]
        if os.geteuid() != 0 and not any(
            os.access(file, os.R_OK) for folder in folders for file in folder.rglob("system.journal")
        ):
            return Availability("limited", "sensor.reason.needs_root")
        return Availability("on")

    def open(self, bookmarks: Mapping[str, str]) -> list[Item]:
        """Start the child after the last cursor."""
        import subprocess  # noqa: PLC0415 (only where there is a journal)

        now = _micros()
        self._began = self._began or now
        cursor = None if self._since is not None else self._cursor or bookmarks.get(BOOKMARK)
        items: list[Item] = []
        if cursor is not None and self._refused >= TRIES:
            self._since = min(moment(cursor) or self._began, now)
            items.append(Gap("journal_cursor_lost", 0, self._since, now))
            cursor, self._refused = None, 0
        self._buffer, self._skipping, self._fresh = b"", False, True
        self._child = subprocess.Popen(
            command(cursor, self._program, self._since),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        if cursor is None and self._since is None:
            self._since = now
        assert self._child.stdout is not None
        os.set_blocking(self._child.stdout.fileno(), False)
        self._cursor = cursor
        return items

    def fileno(self) -> int:
        """Return the pipe from the child."""
        return self._child.stdout.fileno() if self._child is not None and self._child.stdout is not None else -1

    def read(self) -> list[Item]:
        """Read the entries that are there; raises SensorLost when the child has ended."""
        try:
            data = os.read(self.fileno(), 1 << 18)
        except BlockingIOError:
            return []
        if not data:
            self._refused = self._refused + 1 if self._fresh and self._has_refused() else 0
            raise SensorLost("journalctl ended", 2.0)
        self._fresh = False
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        items: list[Item] = []
        for line in lines:
            items += self._items(line)
        if len(self._buffer) > MAX_ENTRY:
            self._buffer, self._skipping = b"", True
        return items

    def _has_refused(self) -> bool:
        """Say whether the child has ended by itself and with an error, as it does when it cannot use the cursor.

        One that was killed (for want of memory, by an upgrade) says nothing of the cursor.
        """
        from subprocess import TimeoutExpired  # noqa: PLC0415 (only where there is a journal)

        assert self._child is not None
        try:
            return self._child.wait(timeout=_END) > 0
        except TimeoutExpired:
            return False

    def _items(self, line: bytes) -> list[Item]:
        if self._skipping or len(line) > MAX_ENTRY:
            self._skipping = False
            return [Gap("entry_too_long", 1, _micros(), _micros())]
        record, cursor = parse_entry(line)
        if cursor is None:
            return []
        self._cursor, self._since, self._refused = cursor, None, 0
        bookmark = Bookmark(BOOKMARK, cursor)
        if record is None:
            return [Reading(None, bookmark=bookmark)]
        record[ID] = event_id("journald", cursor)
        record[CREATED] = _micros()
        record.setdefault(TIMESTAMP, record[CREATED])
        return [Reading(record, bookmark=bookmark)]

    def wait(self) -> float | None:
        """Nothing here waits for time."""
        return None

    def tick(self) -> list[Item]:
        """Nothing here waits for time."""
        return []

    def finish(self) -> list[Item]:
        """Hold nothing back."""
        return []

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is None:
            return
        _end(child)
        if child.stdout is not None:
            child.stdout.close()


def moment(cursor: str) -> int | None:
    """Return the time (µs since the epoch) of the entry that a cursor of systemd names, None when it tells none."""
    found = _MOMENT.search(cursor)
    return int(found[1], 16) if found is not None else None


def _end(child: subprocess.Popen[bytes]) -> None:
    from subprocess import TimeoutExpired  # noqa: PLC0415 (only where there is a journal)

    child.terminate()
    try:
        child.wait(timeout=_END)
    except TimeoutExpired:
        child.kill()
        child.wait()


def _found(program: str) -> bool:
    """Say whether a program is on the path, as shutil.which would, without the compressors that shutil loads."""
    folders = [""] if "/" in program else os.environ.get("PATH", os.defpath).split(os.pathsep)
    return any(os.access(Path(folder, program), os.X_OK) for folder in folders)


def _micros() -> int:
    return time.time_ns() // 1000

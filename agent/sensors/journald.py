"""sshd, sudo, cron and account changes from the systemd journal, through a child journalctl.

One child reads what there is after the cursor and ends, the next one follows: with `--follow`, journalctl from systemd
251 on knows no boot but the present one, and leaves out the first entry after a cursor of an earlier one.
"""

from __future__ import annotations

import os
import re
import select
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agent.sensors.sysloglines import APPNAMES, parse_entry
from agent.wire.event import CREATED, ID, TIMESTAMP, event_id
from agent.wire.sending import hostinfo
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


_BOOT = re.compile(r"(?:\A|;)b=([0-9a-f]{32})(?:;|\Z)")


def command(where: Sequence[str], program: str = "journalctl", *, follow: bool = False) -> list[str]:
    """Return the command line of a child that prints the wanted entries of a place, and those that come after them."""
    wanted = [f"--identifier={name}" for name in sorted({*APPNAMES, "CRON"})]
    form = ["--output=json", "--quiet", f"--output-fields={_FIELDS}"]
    return [program, *(["--follow"] if follow else []), *form, *where, *wanted]


def stored(cursor: str | None, since: int | None) -> list[str]:
    """Return where to read what there is: after the cursor, else since a moment (µs); empty without either."""
    if cursor is not None:
        return [f"--after-cursor={cursor}"]
    return [] if since is None else [f"--since=@{since // 10**6}.{since % 10**6:06}"]


def coming(cursor: str | None, since: int | None, boot: str) -> list[str]:
    """Return where to follow from when what there was has been read; `boot` is the present one, 32 hex digits.

    After a cursor of an earlier boot nothing of this one has been read, so all of it is wanted.
    """
    of = _BOOT.search(cursor) if cursor is not None else None
    place = ["--boot"] if of is not None and of[1] != boot else stored(cursor, since)
    return [*place, "--no-tail"] if place else ["--lines=0"]


class JournalSensor:
    """The journal as a sensor."""

    about = About(
        "journald",
        "Logowania (ssh), sudo, su, zadania cron oraz zmiany kont: wpisy tych programów z dziennika systemd.",
        "Log-ins (ssh), sudo, su, cron jobs and account changes: these programs' entries of the systemd journal.",
    )

    def __init__(
        self,
        program: str = "journalctl",
        socket: Path = SOCKET,
        journals: Sequence[Path] = _JOURNALS,
        boot_id: str = "",
    ) -> None:
        """Read with `program` where `socket` exists; `journals` are the folders whose readability is checked.

        `boot_id` is the present boot's, that of this host when none is given.
        """
        self._program = program
        self._socket = socket
        self._journals = tuple(journals)
        self._boot = (boot_id or hostinfo.boot_id()).replace("-", "")
        self._child: subprocess.Popen[bytes] | None = None
        self._epoll: select.epoll | None = None
        self._follows = False
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
        """Start to read after the last cursor."""
        now = _micros()
        self._began = self._began or now
        cursor = None if self._since is not None else self._cursor or bookmarks.get(BOOKMARK)
        items: list[Item] = []
        if cursor is not None and self._refused >= TRIES:
            self._since = min(moment(cursor) or self._began, now)
            items.append(Gap("journal_cursor_lost", 0, self._since, now))
            cursor, self._refused = None, 0
        self._cursor = cursor
        self._epoll = select.epoll()
        self._start(follow=not stored(cursor, self._since))
        if cursor is None and self._since is None:
            self._since = now
        return items

    def _start(self, *, follow: bool) -> None:
        """Start a child for what there is, or for what comes after it."""
        import subprocess  # noqa: PLC0415 (only where there is a journal)

        where = coming(self._cursor, self._since, self._boot) if follow else stored(self._cursor, self._since)
        self._buffer, self._skipping, self._fresh, self._follows = b"", False, True, follow
        self._child = subprocess.Popen(
            command(where, self._program, follow=follow),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._child.stdout is not None
        assert self._epoll is not None
        os.set_blocking(self._child.stdout.fileno(), False)
        self._epoll.register(self._child.stdout, select.EPOLLIN)

    def fileno(self) -> int:
        """Return a descriptor that is readable when the pipe from the child of the moment is."""
        return self._epoll.fileno() if self._epoll is not None else -1

    def read(self) -> list[Item]:
        """Read the entries that are there; raises SensorLost when the child that follows has ended, or has failed."""
        assert self._child is not None
        assert self._child.stdout is not None
        try:
            data = os.read(self._child.stdout.fileno(), 1 << 18)
        except BlockingIOError:
            return []
        if not data:
            self._go_on()
            return []
        self._fresh = False
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        items: list[Item] = []
        for line in lines:
            items += self._items(line)
        if len(self._buffer) > MAX_ENTRY:
            self._buffer, self._skipping = b"", True
        return items

    def _go_on(self) -> None:
        """After the end of the child that reads what there is, follow; else raise SensorLost.

        A child that ends by itself and with an error cannot use the cursor. One that was killed (for want of memory, by
        an upgrade) says nothing of it.
        """
        code = self._code()
        if code == 0 and not self._follows:
            self._end_child()
            self._start(follow=True)
            return
        self._refused = self._refused + 1 if self._fresh and code is not None and code > 0 else 0
        raise SensorLost("journalctl ended", 2.0)

    def _code(self) -> int | None:
        """Return the exit code of the child whose output has ended, None when it lives on."""
        from subprocess import TimeoutExpired  # noqa: PLC0415 (only where there is a journal)

        assert self._child is not None
        try:
            return self._child.wait(timeout=_END)
        except TimeoutExpired:
            return None

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
        self._end_child()
        epoll, self._epoll = self._epoll, None
        if epoll is not None:
            epoll.close()

    def _end_child(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        _end(child)
        if child.stdout is not None:
            child.stdout.close()  # which takes it from the epoll as well


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

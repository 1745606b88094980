"""Who a process number was: image and command line of recent processes, and names of users."""

from __future__ import annotations

import contextlib
import pwd
import re
import sys
from pathlib import Path
from typing import NamedTuple

from agent.redact import redact_args

MAX_KNOWN = 1024
"""Processes that are remembered; the longest unused goes first, and is read from /proc again while it lives."""
MAX_COMMAND = 4096
"""Characters of a remembered command line."""
_MAX_USERS = 512


class Process(NamedTuple):
    """A process as its children's events shall name it; secrets are already replaced."""

    executable: str
    command_line: str
    parent: int
    user: str = ""
    """Number of the user that it runs as, empty when not known."""
    container: str = ""
    """Id of the container that it runs in, empty on the host itself."""


class Processes:
    """Remembered processes; asks /proc for those it has not seen start."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._known: dict[int, Process] = {}
        """The longest unused first."""

    def fill(self) -> None:
        """Remember what runs now, and only that."""
        self._known.clear()
        for folder in self._proc.iterdir():
            if folder.name.isdigit():
                self.find(int(folder.name))

    def add(self, pid: int, process: Process) -> None:
        """Remember a process that was just seen to start."""
        self._known.pop(pid, None)
        # A few programs run over and over.
        self._known[pid] = process._replace(executable=sys.intern(process.executable), user=sys.intern(process.user))
        if len(self._known) > MAX_KNOWN:
            del self._known[next(iter(self._known))]

    def find(self, pid: int) -> Process | None:
        """Return what is known of a process; None when it is gone and was never seen."""
        known = self._known.get(pid)
        if known is not None:
            self._known[pid] = self._known.pop(pid)
            return known
        found = read_process(self._proc / str(pid))
        if found is not None:
            self.add(pid, found)
        return found

    def container(self, pid: int, parent: Process | None) -> str:
        """Return the container of a process that just started: its parent's, asked for anew where one may begin."""
        if parent is not None and (parent.container or not _RUNTIME.search(parent.executable)):
            return parent.container
        return read_container(self._proc / str(pid))


_RUNTIME = re.compile(r"/(?:containerd-shim[^/]*|conmon|conmonrs|runc|crun|youki|lxc-start|lxc-attach|systemd-nspawn)$")
_CONTAINER = re.compile(r"[0-9a-f]{64}|(?<=/lxc/)[\w.-]{1,64}|(?<=/lxc\.payload\.)[\w.-]{1,64}")


def read_container(folder: Path) -> str:
    """Return the container's id from the control groups of a process's /proc folder, empty for none.

    Docker, containerd, CRI-O and Podman name a group by 64 hex digits; LXC by the container's name.
    """
    try:
        with (folder / "cgroup").open("r", encoding="utf-8", errors="replace") as file:
            found = _CONTAINER.search(file.read(4096))
    except OSError:
        return ""
    return found[0] if found is not None else ""


def _user(folder: Path) -> str:
    try:
        return str(folder.stat().st_uid)
    except OSError:
        return ""


def read_process(folder: Path) -> Process | None:
    """Read a process from its /proc folder; None when it is gone. A kernel thread has an empty image."""
    try:
        with (folder / "cmdline").open("rb") as file:
            raw = file.read(MAX_COMMAND * 4)
        with (folder / "stat").open("rb") as file:
            parent = int(file.read(1024).rpartition(b")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return None
    executable = ""
    with contextlib.suppress(OSError):
        executable = str((folder / "exe").readlink()).removesuffix(" (deleted)")
    args = raw.rstrip(b"\0").decode("utf-8", "backslashreplace").split("\0") if raw.rstrip(b"\0") else []
    command = " ".join(redact_args(args))[:MAX_COMMAND]
    return Process(executable, command, parent, _user(folder), read_container(folder))


class Users:
    """Names of user numbers; only found names are kept, and all are forgotten when there are many."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def name(self, uid: str) -> str | None:
        """Return the user's name on this host, None for a number that nobody has."""
        known = self._names.get(uid)
        if known is not None:
            return known
        if len(self._names) >= _MAX_USERS:
            self._names.clear()
        try:
            self._names[uid] = pwd.getpwuid(int(uid)).pw_name
        except (KeyError, ValueError, OverflowError):
            return None
        return self._names[uid]

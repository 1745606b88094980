"""Processes that are forked from one that has loaded what they share: each would load it again by itself.

What is copied must be at rest: no thread, no event loop, no open database. So the forks come first of all.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
_STANDARD = 2
# Fields of /proc/PID/stat after the name: where the kernel reads a process's command line (proc(5), 48 and 49).
_ARGUMENTS_START, _ARGUMENTS_END = 45, 46


class Forked:
    """A forked process that waits until it is released; to its supervision it is what asyncio's `Process` is."""

    def __init__(self, pid: int, hold: int, output: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdout: asyncio.StreamReader | None = None
        self._hold, self._output, self._handle = hold, output, os.pidfd_open(pid)
        self._ended = asyncio.Event()

    async def attach(self, limit: int) -> None:
        """Read the process's output, with this many bytes a line, and its end, in the running loop."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._handle, self._reap)
        self.stdout = reader = asyncio.StreamReader(limit)
        pipe = os.fdopen(self._output, "rb", buffering=0)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)

    def release(self) -> None:
        """Let the process go on."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._hold, b"\n")
        os.close(self._hold)

    def terminate(self) -> None:
        """Ask the process to end."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End the process."""
        self._send(signal.SIGKILL)

    async def wait(self) -> int:
        """Wait for the end; return the exit code, or the negative number of the signal."""
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def forget(self) -> None:
        """Close everything of a sibling's that the fork has copied."""
        for one in (self._hold, self._output, self._handle):
            os.close(one)

    def _send(self, number: signal.Signals) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def _reap(self) -> None:
        _, status = os.waitpid(self.pid, 0)
        asyncio.get_running_loop().remove_reader(self._handle)
        os.close(self._handle)
        self.returncode = os.waitstatus_to_exitcode(status)
        self._ended.set()


def fork(title: Iterable[str], run: Callable[[], int], siblings: Iterable[Forked] = ()) -> Forked:
    """Fork a process that leaves through SystemExit with what `run` returns; `held` is how `run` waits for the release.

    It is a session of its own, ends with its parent, and writes to `Forked.stdout`. `title` is the command line that
    it shows.
    """
    _fill()
    hold, release = os.pipe()
    output, write = os.pipe()
    if sys.stdout is not None:
        # What is not written yet would be written twice.
        sys.stdout.flush()
    pid = os.fork()
    if pid:
        os.close(hold)
        os.close(write)
        return Forked(pid, release, output)
    os.close(release)
    os.close(output)
    for one in siblings:
        one.forget()
    os.setsid()
    die_with_parent()
    _show(title)
    for number, pipe in enumerate((hold, write, write)):
        os.dup2(pipe, number)
    os.close(hold)
    os.close(write)
    sys.exit(run())


def held() -> bool:
    """Wait for the release; return False when the parent has ended instead."""
    return os.read(0, 1) != b""


def die_with_parent() -> None:
    """Get SIGTERM when the thread that started this process ends."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _fill() -> None:
    """Open the standard streams that are closed: else a pipe would get the number of one."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= _STANDARD:
        pass
    os.close(number)


def _show(title: Iterable[str]) -> None:
    """Put a command line in place of the parent's, as far as there is room for it."""
    places = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
    start, end = int(places[_ARGUMENTS_START]), int(places[_ARGUMENTS_END])
    text = b"".join(word.encode() + b"\0" for word in title)
    if len(text) <= end - start:
        ctypes.memmove(start, text.ljust(end - start, b"\0"), end - start)

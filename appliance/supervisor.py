"""Keeping the box's processes alive: starts them, labels their lines, restarts the fallen, stops them in order."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from appliance.forked import Forked, die_with_parent

STOP_SECONDS = 10.0
"""How long a process may take to stop before it is killed."""
_FIRST_PAUSE, _LONGEST_PAUSE, _STEADY_SECONDS = 0.2, 5.0, 3.0
_LINE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Program:
    """A process to keep alive: the label of its lines, its command line, its colour (ANSI number)."""

    label: str
    command: Sequence[str]
    colour: int


@dataclass(slots=True)
class Child:
    """A program under supervision; `starts` counts how often it was started.

    `gate`, where there is one, is awaited before the first start; a program that is `forked` runs already, and is
    released when the gate opens. After that, every start is one of the command line.
    """

    program: Program
    gate: Callable[[], Awaitable[None]] | None = None
    forked: Forked | None = None
    process: asyncio.subprocess.Process | Forked | None = None
    starts: int = 0
    stopping: bool = field(default=False)

    async def run(self, write: Callable[[str, str], None]) -> None:
        """Keep the program running until told to stop, with a growing pause between quick deaths."""
        opening = asyncio.create_task(self._open())
        try:
            await self._keep(write, opening)
        finally:
            opening.cancel()

    async def _keep(self, write: Callable[[str, str], None], opening: asyncio.Task[None]) -> None:
        pause = _FIRST_PAUSE
        while not self.stopping:
            began = asyncio.get_running_loop().time()
            code = await self._once(write, opening)
            if self.stopping:
                return
            lived = asyncio.get_running_loop().time() - began
            pause = _FIRST_PAUSE if lived > _STEADY_SECONDS else min(pause * 2, _LONGEST_PAUSE)
            write(self.program.label, f"proces zakończył się (kod {code}); ponowny start za {pause:.1f} s")
            await asyncio.sleep(pause)

    async def _open(self) -> None:
        if self.gate is not None:
            await self.gate()
        if self.forked is not None:
            self.forked.release()

    async def _once(self, write: Callable[[str, str], None], opening: asyncio.Task[None]) -> int:
        if self.forked is not None and not self.starts:
            self.process = self.forked
            await self.forked.attach(_LINE_BYTES)
        else:
            await opening
            self.process = await self._spawn()
        self.starts += 1
        assert self.process.stdout is not None
        async for line in _lines(self.process.stdout):
            write(self.program.label, line)
        return await self.process.wait()

    async def _spawn(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self.program.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=_LINE_BYTES,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )

    async def stop(self) -> None:
        """Ask the process to end, and end it when it does not."""
        self.stopping = True
        process = self.process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    while True:
        try:
            line = await stream.readline()
        except ValueError:
            # A line past the reader's limit: readline dropped it, the stream goes on.
            yield "(wiersz dłuższy niż 1 MiB pominięto)"
            continue
        if not line:
            return
        yield line.decode("utf-8", "replace").rstrip()


class Console:
    """Writes labelled lines to standard error; labels are coloured on a terminal."""

    def __init__(self, colours: dict[str, int]) -> None:
        self._colours = colours
        self._bright = sys.stderr.isatty() and "NO_COLOR" not in os.environ
        self._width = max(map(len, colours), default=0)

    def __call__(self, label: str, line: str) -> None:
        """Write one line of the process with this label."""
        head = f"{label:<{self._width}}"
        if self._bright and label in self._colours:
            head = f"\x1b[{self._colours[label]}m{head}\x1b[0m"
        sys.stderr.write(f"{head} │ {line}\n")
        sys.stderr.flush()


async def supervise(
    children: Sequence[Child], write: Callable[[str, str], None], ready: Callable[[], Awaitable[None]]
) -> None:
    """Run the children until SIGINT or SIGTERM, then stop them one after another, the last first.

    `ready` is awaited beside them; when it raises, everything is stopped and the error goes on.
    """
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, asked.set)
    running = [asyncio.create_task(child.run(write)) for child in children]
    becoming = asyncio.ensure_future(ready())
    waiting = asyncio.create_task(asked.wait())
    try:
        await asyncio.wait({becoming, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if becoming.done() and not asked.is_set():
            becoming.result()
            await waiting
    finally:
        becoming.cancel()
        waiting.cancel()
        for child in reversed(children):
            await child.stop()
        for task in running:
            # It waits at its gate, or pauses before a start that is no longer wanted.
            task.cancel()
        await asyncio.gather(*running, becoming, waiting, return_exceptions=True)

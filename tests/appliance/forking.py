"""Scenes with forked processes, each in a fresh interpreter: `python -m tests.appliance.forking SCENE`.

The suite's own process must not fork: it has threads, and what is forked leaves through the frames of its parent.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import psutil

from appliance.forked import Forked, fork, held
from appliance.home import CHECKOUT
from appliance.supervisor import Child, Program, supervise

_AGAIN = "import signal; print('started', flush=True); signal.pause()"


def play(scene: str, redirection: str = "") -> list[str]:
    """Run a scene to its end, its streams redirected as the shell does it, and return the lines that it printed."""
    command = ["sh", "-c", f'exec "$0" -m tests.appliance.forking {scene} {redirection}', sys.executable]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout.splitlines()


def _write(label: str, line: str) -> None:
    print(label, line, flush=True)


def _live(name: str) -> int:
    print(name, "loaded, open:", *sorted(_open()), flush=True)
    if not held():
        return 3
    print(name, "goes on", flush=True)
    signal.pause()
    return 0


def _child(forked: Forked, gate: asyncio.Event) -> Child:
    async def opened() -> None:
        await gate.wait()

    return Child(Program("one", (sys.executable, "-c", _AGAIN), 31), gate=opened, forked=forked)


class _Said:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, label: str, line: str) -> None:
        _write(label, line)
        self.lines.append(line)

    async def wait(self, text: str) -> None:
        async with asyncio.timeout(15):
            while not any(text in line for line in self.lines):
                await asyncio.sleep(0.01)


def killed() -> None:
    """A forked process loads, goes on when told, is killed, and is started again by its command line."""
    child_of, said = fork(("czujka", "role", "one"), partial(_live, "one")), _Said()

    async def scene() -> None:
        gate = asyncio.Event()
        child = _child(child_of, gate)

        async def ready() -> None:
            await said.wait("loaded")
            print("title", *filter(None, psutil.Process(child_of.pid).cmdline()))
            print("before the gate:", any("goes on" in line for line in said.lines))
            gate.set()
            await said.wait("goes on")
            child_of.kill()
            await said.wait("started")
            os.kill(os.getpid(), signal.SIGTERM)

        await supervise([child], said, ready)
        print("starts", child.starts, "ended", child.process is not None and child.process.returncode)

    asyncio.run(scene())


def killed_early() -> None:
    """A process that is killed before its gate opens is not started before the gate opens."""
    child_of, said = fork(("czujka",), partial(_live, "one")), _Said()

    async def scene() -> None:
        gate = asyncio.Event()
        child = _child(child_of, gate)

        async def ready() -> None:
            await said.wait("loaded")
            child_of.kill()
            await said.wait("-9")
            # Longer than the pause before a new start.
            await asyncio.sleep(1)
            print("before the gate:", child.starts)
            gate.set()
            await said.wait("started")
            os.kill(os.getpid(), signal.SIGTERM)

        await supervise([child], said, ready)

    asyncio.run(scene())


def failed() -> None:
    """A fault while a process is held ends it."""
    child_of, said = fork(("czujka",), partial(_live, "one")), _Said()

    async def scene() -> None:
        async def ready() -> None:
            await said.wait("loaded")
            raise OSError("nothing can be prepared")

        await supervise([_child(child_of, asyncio.Event())], said, ready)

    try:
        asyncio.run(scene())
    except OSError as error:
        print("told:", error)
    print("ended", child_of.returncode)


def siblings() -> None:
    """Each of two forked processes has nothing open but its own standard streams."""
    one = fork(("czujka",), partial(_live, "one"))
    two = fork(("czujka",), partial(_live, "two"), [one])
    said = _Said()

    async def scene() -> None:
        for forked in (one, two):
            await forked.attach(1 << 20)
            assert forked.stdout is not None
            said("read", (await forked.stdout.readline()).decode().strip())
        one.release()
        assert one.stdout is not None
        said("read", (await one.stdout.readline()).decode().strip())
        for forked in (one, two):
            forked.terminate()
            said("ended", str(await forked.wait()))

    asyncio.run(scene())


def orphan() -> None:
    """A process whose parent ends before it was released ends too."""
    print("pid", fork(("czujka",), partial(_live, "one")).pid, flush=True)
    os._exit(0)


def shared() -> None:
    """What the roles share, loaded: how many threads run, and which files are open."""
    from importlib import import_module  # noqa: PLC0415 - the other scenes do without

    from appliance.roles import SHARED  # noqa: PLC0415 - the other scenes do without

    for name in SHARED:
        import_module(name)
    print("threads", len(list(Path("/proc/self/task").iterdir())), "open", *sorted(_open()))


def _open() -> list[str]:
    # The folder itself was open while it was listed.
    return [file.name for file in list(Path("/proc/self/fd").iterdir()) if file.exists()]


if __name__ == "__main__":
    {scene.__name__: scene for scene in (killed, killed_early, failed, siblings, orphan, shared)}[sys.argv[1]]()

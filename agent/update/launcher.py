"""Linux: picks the version to run and becomes it. While a version is on trial, a guard beside it watches its time.

The guard lives only during a trial (at most ten minutes), so that the resident agent has no second process.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from agent import __version__
from agent.update import files
from agent.update.state import State, ended, installed, looked, running, started
from agent.wire.sending.home import home_of

LOOK_SECONDS = 1.0


def launch(base: Path, arguments: Sequence[str]) -> int:
    """Become the agent: of `base`, where the package lies, or of a version that came later. Returns only on failure."""
    home = home_of(_home_among(arguments)).folder
    ran = _chosen(home) if "run" in arguments[:1] else _standing(home)
    folder = files.versions(home) / ran if ran else base
    command = [sys.executable, "-I", str(base / "start.py"), "--from", str(folder), *arguments]
    os.execv(command[0], command)  # noqa: S606 (no shell is wanted)


def _home_among(arguments: Sequence[str]) -> str | None:
    for before, value in zip(arguments, arguments[1:]):
        if before == "--home":
            return value
    return next((one.partition("=")[2] for one in arguments if one.startswith("--home=")), None)


def _standing(home: Path) -> str:
    """Return the version that has proved itself; asking about the agent is no trial."""
    current = installed(files.load(home), __version__).current
    return current if _present(home, current) else ""


def _chosen(home: Path) -> str:
    try:
        state = _changed(home, lambda before: _next(home, before))
    except OSError as error:
        # Without a count of the tries a version that is no good would be tried for ever.
        sys.stderr.write(f"update_state_not_written folder={home} error={error}\n")
        return _standing(home)
    if state.pending:
        _guard(home, state.pending)
    return running(state)


def _next(home: Path, before: State) -> State:
    state = started(installed(before, __version__), files.healthy(home))
    if running(state) and not _present(home, running(state)):
        return State(failed=running(state), reason="crashed")
    return state


def _changed(home: Path, change: Callable[[State], State]) -> State:
    """Change the state on disk; a guard of the start before may still be at it. Raises OSError."""
    if not home.is_dir():
        return State()
    with _alone(home):
        before = files.load(home)
        after = change(before)
        if after != before:
            files.save(home, after)
        return after


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    with (home / "update.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _present(home: Path, version: str) -> bool:
    return bool(version) and (files.versions(home) / version / "agent" / "__main__.py").is_file()


def _guard(home: Path, ran: str) -> None:
    """Start the guard over this process, which goes on as the agent; twice forked, so that it leaves no zombie."""
    watched = os.pidfd_open(os.getpid())
    first = os.fork()
    if first:
        os.waitpid(first, 0)
        os.close(watched)
        return
    if os.fork():
        os._exit(0)
    try:
        _watch(home, ran, watched)
    finally:
        os._exit(0)


def _watch(home: Path, ran: str, watched: int) -> None:
    asked: list[int] = []
    # Whoever stops the service tells all of its processes; then the end that follows was asked for.
    signal.signal(signal.SIGTERM, lambda number, _frame: asked.append(number))
    began = time.monotonic()
    waiting = select.poll()
    waiting.register(watched, select.POLLIN)
    while True:
        over = bool(waiting.poll(LOOK_SECONDS * 1000))
        elapsed, healthy = int(time.monotonic() - began), files.healthy(home)

        def after(before: State, over: bool = over, elapsed: int = elapsed, healthy: str = healthy) -> State:
            if over:
                return ended(before, healthy, ran, elapsed, asked=bool(asked))
            return looked(before, healthy, ran, elapsed)

        state = _changed(home, after)
        if state.failed == ran and not over:
            signal.pidfd_send_signal(watched, signal.SIGKILL)
        if over or state.pending != ran:
            return

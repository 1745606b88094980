"""What watching costs the watchers: CPU of the agent, of auditd, and of auditd with laurel, for the same starts.

Laurel is Debian’s package of that name; it runs as a plugin from the folder that `CZUJKA_LAUREL` names, where
`dpkg -x laurel_*.deb FOLDER` has put it, with the package's own settings but for places and user.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

from tests.agent.auditd import program, running
from tests.agent.conditions import until
from tests.agent.real import RealAgent
from tests.benchmarks._starts import AS_UNIT, exec_rules

TURNS, STARTS = 4, 1500
LAUREL = os.environ.get("CZUJKA_LAUREL", "")


class Watching(NamedTuple):
    """Who watches, and how to tell that a start has been recorded."""

    processes: list[int]
    recorded: Callable[[str], object]


class Effort(NamedTuple):
    """µs of the watchers' CPU for one start, and their memory (RSS, MB) after it."""

    cpu: float
    memory: float


Way = Callable[[Path], AbstractContextManager[Watching]]


def in_turn(agent: RealAgent, folder: Path) -> dict[str, Effort]:
    """Return the better half of the turns under each way."""
    ways: dict[str, Way] = {"agent": lambda _folder: _agent(agent)}
    if program() is not None:
        ways["auditd"] = _auditd
    if program() is not None and LAUREL:
        ways["laurel"] = _laurel
    turns: dict[str, list[Effort]] = {name: [] for name in ways}
    for turn in range(TURNS):
        for name in sorted(ways, reverse=turn % 2 == 1):
            place = folder / f"{name}-{turn}"
            place.mkdir()
            with ways[name](place) as watching:
                turns[name].append(_effort(watching, f"{name}-{turn}"))
    return {name: _better(found) for name, found in turns.items()}


def table(efforts: Mapping[str, Effort]) -> Iterator[str]:
    """Yield a line for each way."""
    for name, effort in efforts.items():
        yield f"watching a start, {name:6s} {effort.cpu:8.0f} µs of CPU   {effort.memory:6.1f} MB"


def _better(efforts: list[Effort]) -> Effort:
    half = sorted(efforts)[: len(efforts) // 2]
    return Effort(sum(one.cpu for one in half) / len(half), max(one.memory for one in efforts))


def _effort(watching: Watching, name: str) -> Effort:
    until(lambda: _noticed(watching, f"{name}-first"), 30, f"the first start of {name}")
    before = sum(map(_cpu, watching.processes))
    for number in range(STARTS):
        _start(f"{name}-{number}")
    _start(f"{name}-last")
    until(lambda: watching.recorded(f"{name}-last"), 60, f"the last start of {name}")
    used = sum(map(_cpu, watching.processes)) - before
    return Effort(used / STARTS / 1000, sum(psutil.Process(pid).memory_info().rss for pid in watching.processes) / 1e6)


def _noticed(watching: Watching, name: str) -> bool:
    """Say whether a start is recorded within a second: a watcher may live before its rules do."""
    _start(name)
    with contextlib.suppress(AssertionError):
        until(lambda: watching.recorded(name), 1)
    return bool(watching.recorded(name))


def _start(name: str) -> None:
    os.waitpid(os.posix_spawn("/bin/true", ["true", name], {}), 0)


def _cpu(pid: int) -> int:
    """Return ns of CPU of all threads of a process: /proc/PID/stat counts in hundredths of a second."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks)


@contextmanager
def _agent(agent: RealAgent) -> Iterator[Watching]:
    agent.start(*AS_UNIT)
    try:
        yield Watching([agent.pid], agent.commands)
    finally:
        agent.stop(signal.SIGTERM)


@contextmanager
def _auditd(folder: Path, **settings: str | int) -> Iterator[Watching]:
    with running(folder / "auditd", **settings) as pid, exec_rules():
        yield Watching([pid], lambda name: _holds(folder / "auditd" / "audit.log", name))


@contextmanager
def _laurel(folder: Path) -> Iterator[Watching]:
    found = Path(LAUREL)
    logs, plugins = folder / "laurel", folder / "plugins.d"
    for made in (logs, plugins):
        made.mkdir(mode=0o750)
    settings = (found / "etc/laurel/config.toml").read_text()
    settings = re.sub(r"(?m)^directory = .*$", f'directory = "{logs}"', re.sub(r"(?m)^user = .*$", "", settings))
    _write(folder / "config.toml", settings)
    plugin = (found / "etc/audit/plugins.d/laurel.conf").read_text()
    plugin = re.sub(r"(?m)^path = .*$", f"path = {found / 'usr/sbin/laurel'}", plugin)
    _write(plugins / "laurel.conf", re.sub(r"(?m)^args = .*$", f"args = --config {folder / 'config.toml'}", plugin))
    with ExitStack() as stack:
        watching = stack.enter_context(_auditd(folder, plugin_dir=str(plugins)))
        children = psutil.Process(watching.processes[0]).children
        until(lambda: [one for one in children() if one.name() == "laurel"], 10, "laurel")
        pids = [one.pid for one in children() if one.name() == "laurel"]
        yield Watching([*watching.processes, *pids], lambda name: _holds(logs / "audit.log", name))


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o640)


def _holds(path: Path, name: str) -> bool:
    return path.is_file() and subprocess.run(["grep", "-q", name, path], check=False).returncode == 0

"""What a program start costs under one way of watching it and another, in turn: CPU of starter and program, and time.

The floor is the kernel's audit itself: one rule for program starts, and a reader that throws the records away.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

from agent.sensors import auditnetlink as netlink
from agent.sensors import auditrules
from tests.agent.auditd import program, running
from tests.agent.conditions import until
from tests.agent.real import RealAgent

TURNS, STARTS, PACED, RATE = 8, 200, 60, 50
AS_UNIT = ("nice", "-n", "5")
"""How the package's unit starts the agent."""
_READER = """
import os, sys, time
from agent.sensors import auditnetlink as netlink
sock = netlink.open_records(multicast=False)
netlink.set_daemon(sock, os.getpid())
while True:
    time.sleep(0.05)
    try:
        while sock.recv(16384):
            pass
    except BlockingIOError:
        pass
"""


class Cost(NamedTuple):
    """µs of one start: CPU back to back, elapsed back to back, CPU at `RATE` a second, elapsed at that rate."""

    cpu: float
    elapsed: float
    paced_cpu: float
    paced_elapsed: float

    def slower(self, other: Cost) -> float:
        """Return how many percent more CPU a start takes than in the other case, back to back."""
        return (self.cpu / other.cpu - 1) * 100


Way = Callable[[], AbstractContextManager[object]]


def in_turn(agent: RealAgent, folder: Path) -> dict[str, Cost]:
    """Return the cost of a start under each way, none first; of each the better half of the turns counts."""
    ways: dict[str, Way] = {"none": nullcontext, "floor": _floor, "agent": lambda: _agent(agent)}
    if program() is not None:
        ways["auditd"] = lambda: _auditd(folder / f"auditd-{time.monotonic_ns()}")
    turns: dict[str, list[Cost]] = {name: [] for name in ways}
    for turn in range(TURNS):
        for name in sorted(ways, reverse=turn % 2 == 1):
            with ways[name]():
                turns[name].append(Cost(*_starting(STARTS, 0.0), *_starting(PACED, 1 / RATE)))
    return {name: Cost(*(_better(times) for times in zip(*found, strict=True))) for name, found in turns.items()}


def _better(times: tuple[float, ...]) -> float:
    half = sorted(times)[: len(times) // 2]
    return sum(half) / len(half)


def table(costs: Mapping[str, Cost]) -> Iterator[str]:
    """Yield a line for each way."""
    none = costs["none"]
    for name, cost in costs.items():
        shares = ", ".join(f"{one:.0f} ({(one / base - 1) * 100:+.1f} %)" for one, base in zip(cost, none, strict=True))
        yield f"a start, {name:6s} µs: CPU, elapsed; CPU, elapsed at {RATE}/s   {shares}"


def _starting(count: int, pause: float) -> tuple[float, float]:
    """Return µs of CPU (this process and the programs) and of elapsed time for one start of /bin/true."""
    before, elapsed = _cpu(), 0.0
    for _ in range(count):
        began = time.perf_counter()
        os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
        elapsed += time.perf_counter() - began
        time.sleep(pause)
    return (_cpu() - before) / count * 1e6, elapsed / count * 1e6


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


@contextmanager
def _agent(agent: RealAgent) -> Iterator[None]:
    agent.start(*AS_UNIT)
    try:
        yield
    finally:
        agent.stop(signal.SIGTERM)


@contextmanager
def exec_rules() -> Iterator[netlink.Control]:
    """Load the rules of program starts alone."""
    control, rules = netlink.Control(), auditrules.rules()[: auditrules.required()]
    for rule in rules:
        control.add_rule(rule)
    try:
        yield control
    finally:
        for rule in rules:
            control.delete_rule(rule)
        control.close()


@contextmanager
def _floor() -> Iterator[None]:
    with exec_rules() as control:
        reader = subprocess.Popen([*AS_UNIT, sys.executable, "-c", _READER])
        try:
            until(lambda: control.status().pid == reader.pid, 10, "the reader")
            yield
        finally:
            reader.kill()
            reader.wait(10)


@contextmanager
def _auditd(folder: Path) -> Iterator[None]:
    with running(folder), exec_rules():
        yield

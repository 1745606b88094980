"""The agent's figures on Linux with all its sensors: memory, CPU, how many of 1000 short programs are seen.

What starting a program costs without audit, with the least that audit can do, with the agent and with auditd is
measured in turn (`_starts.py`).
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.agent.box import FakeBox
from tests.agent.conditions import until
from tests.agent.real import RealAgent
from tests.benchmarks import _watchers
from tests.benchmarks._starts import in_turn, table

MAX_RSS_MB, MAX_IDLE, MAX_BUSY, MAX_SLOWDOWN = 30.0, 0.5, 5.0, 3.0


@dataclass(frozen=True, slots=True)
class Load:
    """CPU of the agent over a time, in percent of one core, and how many records it sent meanwhile."""

    percent: float
    records: int


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _idle(agent: RealAgent, process: psutil.Process, seconds: float) -> Load:
    began, records = _cpu(process), len(agent.box.seen.records)
    time.sleep(seconds)
    return Load((_cpu(process) - began) / seconds * 100, len(agent.box.seen.records) - records)


def _paced(agent: RealAgent, process: psutil.Process, seconds: float, rate: int) -> Load:
    began, records, start = _cpu(process), len(agent.box.seen.records), time.monotonic()
    for number in range(int(seconds * rate)):
        subprocess.run(["/bin/true", f"paced-{number}"], check=True)
        time.sleep(max(0.0, start + (number + 1) / rate - time.monotonic()))
    took = time.monotonic() - start
    return Load((_cpu(process) - began) / took * 100, len(agent.box.seen.records) - records)


def _burst(agent: RealAgent, count: int) -> tuple[int, float]:
    start = time.monotonic()
    for number in range(count):
        subprocess.run(["/bin/true", f"bench-{number}"], check=True)
    took = time.monotonic() - start
    try:
        until(lambda: len(agent.commands("bench-")) >= count, 10)
    except AssertionError:
        sys.stderr.write("not all came\n")
    return len({record["process.args"][1] for record in agent.commands("bench-")}), count / took


def _first_round(agent: RealAgent, process: psutil.Process) -> str:
    began = time.monotonic()
    until(lambda: agent.own_events("fim_baseline"), 600, "the first look at all watched files")
    count = agent.own_events("fim_baseline")[0]["fim.count"]
    return f"first look at {count} files   {_cpu(process):8.1f} s CPU  in {time.monotonic() - began:.0f} s"


def _latency(agent: RealAgent) -> float:
    worst = 0.0
    for number in range(10):
        time.sleep(0.6)
        began = time.monotonic()
        subprocess.run(["/bin/true", f"late-{number}"], check=True)
        until(lambda number=number: agent.commands(f"late-{number}"))  # type: ignore[misc]
        worst = max(worst, time.monotonic() - began)
    return worst


def main(argv: list[str]) -> int:
    """Measure and print; 0 when every promise is kept, 1 when one is not, 69 without root."""
    parser = argparse.ArgumentParser(prog="bench agent")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of the idle and the paced part")
    parser.add_argument("--idle", type=float, help="length of the idle part, if it is another")
    options = parser.parse_args(argv)
    if os.geteuid() != 0:
        sys.stderr.write("The kernel's audit needs root.\n")
        return 69
    with tempfile.TemporaryDirectory() as folder:
        box = FakeBox(Path(folder) / "box")
        agent = RealAgent(Path(folder), box)
        agent.start()
        try:
            return _measure(agent, options.idle or options.seconds, options.seconds, Path(folder))
        finally:
            agent.stop(signal.SIGTERM)
            box.down()


def _measure(agent: RealAgent, quiet: float, seconds: float, folder: Path) -> int:
    process = psutil.Process(agent.pid)
    looked = _first_round(agent, process)
    time.sleep(1.0)
    idle = _idle(agent, process, quiet)
    rss_idle = process.memory_info().rss / 1e6
    paced = _paced(agent, process, seconds, 100)
    seen, rate = _burst(agent, 1000)
    latency = _latency(agent)
    rss = process.memory_info().rss / 1e6
    agent.stop(signal.SIGTERM)
    costs = in_turn(agent, folder)
    slowdown = costs["agent"].slower(costs["none"])
    efforts = _watchers.in_turn(agent, folder)
    lines = (
        looked,
        f"memory (RSS) idle            {rss_idle:8.1f} MB",
        f"memory (RSS) after load      {rss:8.1f} MB     promised {MAX_RSS_MB}",
        f"idle CPU                     {idle.percent:8.2f} %      promised {MAX_IDLE}   (of others: {idle.records})",
        f"CPU at 100 programs/s        {paced.percent:8.2f} %      promised {MAX_BUSY}   ({paced.records} records)",
        f"short programs seen          {seen:8d} of 1000  (at {rate:.0f}/s)",
        f"program start to box, worst  {latency * 1000:8.0f} ms     of 10",
        *table(costs),
        *_watchers.table(efforts),
        f"a program start, agent:none  {slowdown:+8.1f} %      promised {MAX_SLOWDOWN}",
    )
    sys.stdout.write("\n".join(lines) + "\n")
    kept = rss <= MAX_RSS_MB and idle.percent <= MAX_IDLE and paced.percent <= MAX_BUSY and seen == 1000
    kept = kept and slowdown <= MAX_SLOWDOWN
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

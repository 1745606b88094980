"""Many stations at once: real agents, each with a home of its own, against one box; does each line arrive, once?

Meanwhile agents are killed and started again, and the box is stopped and started once. Memory is that of the box.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.e2e.box import Box, wait_for
from tests.e2e.station import Station

MAX_BOX_GB = 4.0
SEED = 20261122
SETTLE_SECONDS = 300.0


@dataclass
class Fleet:
    """The stations, and what was seen on the way."""

    box: Box
    stations: list[Station]
    kills: int = 0
    most_mb: float = 0.0
    agents_mb: list[float] = field(default_factory=list)

    def look(self) -> None:
        """Note the memory of the box, all of its processes together, and of the agents."""
        assert self.box.process is not None
        whole = psutil.Process(self.box.process.pid)
        self.most_mb = max(self.most_mb, sum(map(_mb, [whole, *whole.children(recursive=True)])))
        running = [one.process.pid for one in self.stations if one.process is not None and one.process.poll() is None]
        self.agents_mb = [_mb(psutil.Process(pid)) for pid in running]


def _mb(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss) / 1e6
    except psutil.Error:
        return 0.0


def main(argv: list[str]) -> int:
    """Run and print; 0 when every line arrived once and the box kept to its memory."""
    parser = argparse.ArgumentParser(prog="bench fleet")
    parser.add_argument("--stations", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--rate", type=int, default=200, help="lines a second, of all stations together")
    asked = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder, Box(Path(folder)) as box:
        fleet = Fleet(box, [_station(box, Path(folder), number) for number in range(asked.stations)])
        try:
            took = _run(fleet, asked.seconds, asked.rate)
            return _tell(fleet, took)
        finally:
            for one in fleet.stations:
                one.stop(signal.SIGKILL)


def _station(box: Box, folder: Path, number: int) -> Station:
    (folder / f"station-{number}").mkdir()
    made = Station(box, folder / f"station-{number}", f"fleet-{number}")
    made.begin()
    return made


def _run(fleet: Fleet, seconds: float, rate: int) -> float:
    """Write lines for so long, kill an agent every few seconds, stop the box once; return how long it took."""
    chance = random.Random(SEED)
    began, written, restarted = time.monotonic(), 0, False
    while (elapsed := time.monotonic() - began) < seconds:
        due = int(elapsed * rate) - written
        for number in range(written, written + due):
            fleet.stations[number % len(fleet.stations)].append(1)
        written += due
        if chance.random() < 0.02:
            victim = chance.choice(fleet.stations)
            victim.stop(signal.SIGKILL)
            victim.start()
            fleet.kills += 1
        if not restarted and elapsed > seconds / 2:
            restarted = True
            fleet.box.stop()
            fleet.box.start()
        fleet.look()
        time.sleep(0.2)
    return time.monotonic() - began


def _arrived(box: Box) -> int:
    return int(box.get("events/count", q="host.name:fleet-*")["count"])


def _tell(fleet: Fleet, took: float) -> int:
    written = sum(one.lines for one in fleet.stations)
    begun = time.monotonic()
    try:
        wait_for("every line is there", lambda: _arrived(fleet.box) >= written, SETTLE_SECONDS)
    except AssertionError:
        sys.stderr.write("not all came\n")
    waited = time.monotonic() - begun
    fleet.look()
    seen = Counter(map(_line, _events(fleet.box)))
    lost, doubled = written - len(seen), sum(seen.values()) - len(seen)
    agents = sorted(fleet.agents_mb)
    lines = (
        f"stations                       {len(fleet.stations):8d}       {fleet.kills} kills, the box stopped once",
        f"lines                          {written:8d}       in {took:.0f} s, the last there {waited:.0f} s later",
        f"lost, doubled                  {lost:8d} {doubled:6d}",
        f"memory of the box at most      {fleet.most_mb:8.0f} MB    promised {MAX_BOX_GB * 1000:.0f}",
        f"memory of an agent             {agents[len(agents) // 2]:8.1f} MB    at most {agents[-1]:.1f}",
    )
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if not lost and not doubled and fleet.most_mb <= MAX_BOX_GB * 1000 else 1


def _events(box: Box) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        page = box.get("events", q="host.name:fleet-*", limit=200, **({"after": after} if after else {}))
        found += page["items"]
        after = page.get("next") or ""
        if not after:
            return found


def _line(event: dict[str, Any]) -> tuple[str, str]:
    return str(event["host.name"]), str(event["user.name"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

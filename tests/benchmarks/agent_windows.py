"""The Windows agent's figures under wine: recorded events a second through reader and parser, a large log drained.

Events are the public corpora's, served by the tests' wevtapi.dll, which reads files where Windows has a
service. Rates are of computing time, so that other work on the machine does not change them much.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

import psutil

from tests.agent.box import FakeBox
from tests.agent.conditions import until
from tests.agent.sensors.windows.recorded import rendered
from tests.conftest import corpora_root
from tests.wine import install
from tests.wine.bed import Windows, running
from tests.wine.eventlog import EventLog

MIN_RATE, MAX_WORKING_SET_MB, SPOOL_MB = 10_000, 45.0, 256
READ = """
import sys, time
from agent.sensors.windows.eventlog import EventLogSensor
from agent.wire.sending.memory import settle
from agent.wire.sending.sensor import Reading
sensor = EventLogSensor()
sensor.open({})
settle()
count, began = 0, time.process_time()
while count < int(sys.argv[1]):
    count += sum(isinstance(item, Reading) and item.record is not None for item in sensor._taken())
print(count / (time.process_time() - began))
sensor.close()
"""
_NUMBER = re.compile(r"<EventRecordID>\d+<")


def _events(corpora: Path) -> list[str]:
    """Return recorded events of the channels that are read: Security and Sysmon."""
    found = [text for path in sorted((corpora / "evtx-attack-samples").rglob("*.evtx")) for text in rendered(path)]
    return [text for text in found if "<Channel>Security<" in text or "Sysmon/Operational<" in text]


def _fill(log: EventLog, events: list[str], count: int) -> int:
    """Fill the channels with so many events, each with a number of its own; return how many of them are asked for."""
    channels: dict[str, list[str]] = {}
    for number, text in enumerate(islice(cycle(events), count), 1):
        channel = "Security" if "<Channel>Security<" in text else "Microsoft-Windows-Sysmon/Operational"
        channels.setdefault(channel, []).append(_NUMBER.sub(f"<EventRecordID>{number}<", text))
    for channel, texts in channels.items():
        log.add(channel, texts)
    return sum(map(len, channels.values()))


def _drained(windows: Windows, log: EventLog, folder: Path, count: int) -> tuple[float, int, float]:
    """Return the largest working set (MB), the largest spool (bytes) and the seconds until all of a log was sent."""
    box = FakeBox(folder / "box")
    try:
        home = ("--home", r"C:\bench")
        windows.python("-m", "agent", "enrol", box.token(), *home)
        command = [windows.python_program, "-m", "agent", "run", *home, "--until-eof"]
        began = time.monotonic()
        agent = windows.start(folder / "log", *command, environment=log.environment)
        process, spool = psutil.Process(agent.pid), windows.drive / "bench" / "spool.db"
        largest = [0.0, 0.0]

        def is_done() -> bool:
            largest[0] = max(largest[0], process.memory_info().rss / 1e6)
            largest[1] = max(largest[1], float(spool.stat().st_size) if spool.exists() else 0.0)
            return len(box.seen.records) >= count

        until(is_done, 1200)
        return largest[0], int(largest[1]), time.monotonic() - began
    finally:
        box.down()


def main(argv: list[str]) -> int:
    """Measure and print; 0 when every promise is kept, 1 when one is not, 69 without wine or the corpora."""
    parser = argparse.ArgumentParser(prog="bench agent_windows")
    parser.add_argument("--events", type=int, default=100_000, help="events of the log that is drained")
    count = parser.parse_args(argv).events
    if not install.is_there() or not corpora_root().is_dir():
        sys.stderr.write("Needs wine and the public corpora (docs/corpora.md).\n")
        return 69
    events = _events(corpora_root())
    with tempfile.TemporaryDirectory() as name, running() as windows:
        folder = Path(name)
        small, large = EventLog(windows, folder / "small"), EventLog(windows, folder / "large")
        wanted = _fill(small, events, 20_000) * 3 // 4
        script = folder / "read.py"
        script.write_text(READ)
        said = windows.python(str(script), str(wanted), environment=small.environment, timeout=300)
        rate = float(said.stdout.strip() or 0)
        print(f"recorded events a second of computing, reader and parser: {rate:.0f} (at least {MIN_RATE})")
        asked = _asked(events, count)
        _fill(large, events, count)
        working_set, spool, seconds = _drained(windows, large, folder, asked)
        print(f"{asked} of {count} events drained in {seconds:.0f} s; spool at most {spool / 1e6:.1f} MB of {SPOOL_MB}")
        print(f"working set: {working_set:.1f} MB (at most {MAX_WORKING_SET_MB})")
    kept = rate >= MIN_RATE and working_set <= MAX_WORKING_SET_MB and spool <= SPOOL_MB << 20
    return 0 if kept else 1


def _asked(events: list[str], count: int) -> int:
    """Return how many of so many events have a number that is asked for."""
    from agent.sensors.windows.channels import channels  # noqa: PLC0415 - beside its only use

    wanted = {(channel.path, str(event)) for channel in channels() for event in channel.events}
    found = [
        (re.search("<Channel>([^<]*)", text), re.search(r"<EventID[^>]*>(\d+)", text))
        for text in islice(cycle(events), count)
    ]
    return sum(path is not None and code is not None and (path[1], code[1]) in wanted for path, code in found)

"""How fast and how small the embedded store is: `python -m tests.benchmarks.store [--events N]`.

Events are made up like those of an office (processes, connections, DNS, logons) with a fixed seed. With more than a
million the same is told at a million and at ten, so that growth shows. Writing is told in CPU time, questions in wall
time: cold after the system was told to forget the files, then warm. Figures come from one run on one machine and are
printed as a table; nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from agent.wire.event import event_id
from appliance.clock import HOUR, MINUTE, SECOND
from appliance.clock import now as wall_clock
from appliance.normalise.model import Event
from appliance.store import EmbeddedReader, EmbeddedStore, Measure
from appliance.store.shape import encode

BATCH = 5_000
GROWTH = (1_000_000, 10_000_000)
"""Sizes at which the questions are asked on the way to more."""
T = TypeVar("T")
_PROGRAMS = [f"C:\\Windows\\System32\\{n}.exe" for n in ("svchost", "cmd", "powershell", "conhost", "rundll32", "net")]
_PROGRAMS += [f"C:\\Program Files\\{n}\\{n}{i}.exe" for n in ("Office", "EZD", "Firefox", "Chrome") for i in range(6)]


def main(argv: list[str]) -> int:
    """Fill a store in a temporary folder, ask it questions, print the figures."""
    parser = argparse.ArgumentParser(prog="bench store")
    parser.add_argument("--events", type=int, default=1_000_000)
    wanted = parser.parse_args(argv).events
    with tempfile.TemporaryDirectory() as folder:
        _measure(Path(folder), wanted)
    return 0


def _measure(folder: Path, wanted: int) -> None:
    start = wall_clock() - wanted * SECOND // 100
    store, source = EmbeddedStore(folder), _events(start)
    for size in [one for one in GROWTH if one < wanted] + [wanted]:
        _grow(store, source, size)
        _ask(folder, start, start + size * SECOND // 100)
        _line("with reader, most memory", f"{_peak()} MB")
    store.close()


def _grow(store: EmbeddedStore, source: Iterator[Event], size: int) -> None:
    """Fill the store up to so many events and tell what that cost, in CPU time."""
    there, spent = store.stats().events, dict.fromkeys(("make", "rows", "known", "append", "compact"), 0.0)
    for seq in range(there // BATCH, size // BATCH):
        batch = _timed(spent, "make", lambda: [next(source) for _ in range(BATCH)])
        rows = _timed(spent, "rows", lambda b=batch: encode(b))  # type: ignore[misc]
        _timed(spent, "known", lambda r=rows: store.known(r))  # type: ignore[misc]
        _timed(spent, "append", lambda r=rows, s=seq: store.append(r, [], s))  # type: ignore[misc]
        _timed(spent, "compact", lambda: store.compact(0.01))
    before = store.stats()
    _timed(spent, "compact", lambda: store.compact(600))
    stats = store.stats()
    new = stats.events - there
    print(f"-- {stats.events:,} events, {new:,} of them new")
    for name in ("rows", "known", "append", "compact"):
        _line(name, f"{spent[name] / new * 1e6:.2f} µs/event")
    _line("known + append", f"{new / (spent['known'] + spent['append']):,.0f} events/s")
    _line("size", f"{stats.bytes_per_event:.1f} bytes/event in {stats.segments} segments ({before.segments} before)")
    _line("writer, most memory", f"{_peak()} MB")


def _ask(folder: Path, start: int, end: int) -> None:
    reader = EmbeddedReader(folder, timeout_seconds=120)
    some = reader.search("event.code:1", limit=1).events[0]
    middle, distinct = (start + end) // 2, Measure("distinct", "process.executable")
    asked: list[tuple[str, Callable[[], object]]] = [
        ("first page, newest", lambda: reader.search("", limit=50)),
        ("page in the middle", lambda: reader.search("", end=middle, limit=50)),
        ("field equality, count", lambda: reader.count("host.name:PC-007 event.code:1")),
        ("inside a command line, count", lambda: reader.count('cmd:"--id dead"')),
        ("free text, count", lambda: reader.count("mimikatz")),
        ("rare free text, first page", lambda: reader.search("mimikatz", limit=50)),
        ("regular expression, count", lambda: reader.count(r"cmd:/--id\sdead[0-9]/")),
        ("network, count", lambda: reader.count("destination.ip:10.0.0.0/8")),
        ("histogram, 24 hours in 96", lambda: reader.histogram("", end - 24 * HOUR, end, 96)),
        ("histogram of a query", lambda: reader.histogram("event.code:3", start, end, 96)),
        ("top 20 programs", lambda: reader.top("", "process.executable", 20)),
        ("groups by host and code", lambda: reader.group("", ["host.name", "event.code"])),
        ("groups with a distinct count", lambda: reader.group("", ["host.name"], [distinct])),
        ("suggested values", lambda: reader.values("process.executable", "c:\\prog")),
        ("one event by id", lambda: reader.get(str(some["event.id"]))),
        ("one event by id and time", lambda: reader.get(str(some["event.id"]), int(str(some["@timestamp"])))),
        ("around an event", lambda: reader.around(str(some["event.id"]), 5 * MINUTE, 50, int(str(some["@timestamp"])))),
        ("process chain", lambda: reader.process_chain(some, 5)),
        ("process tree", lambda: reader.process_tree(some)),
    ]
    for name, question in asked:
        _forget(folder)
        times, spent = [], []
        for _ in range(4):
            began, cpu = time.perf_counter(), time.process_time()
            question()
            times.append(time.perf_counter() - began)
            spent.append(time.process_time() - cpu)
        warm = f"{min(times[1:]) * 1000:.0f} ms warm, {min(spent) * 1000:.0f} ms of CPU, best of 3"
        _line(name, f"{times[0] * 1000:.0f} ms cold, {warm}")
    reader.close()


def _forget(folder: Path) -> None:
    """Let the system forget what it has read of the segments."""
    for path in folder.glob("*.parquet"):
        handle = os.open(path, os.O_RDONLY)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def _timed(spent: dict[str, float], name: str, work: Callable[[], T]) -> T:
    began = time.process_time()
    answer = work()
    spent[name] += time.process_time() - began
    return answer


def _events(start: int) -> Iterator[Event]:
    random_ = random.Random(7)
    number = 0
    while True:
        moment = start + number * SECOND // 100
        yield _event(random_, number, moment)
        number += 1


def _event(random_: random.Random, number: int, moment: int) -> Event:
    host = random_.randrange(60)
    common: Event = {
        "event.id": event_id("bench", number),
        "@timestamp": moment,
        "event.created": moment + random_.randrange(SECOND),
        "event.ingested": moment + 2 * SECOND,
        "event.module": "windows.eventlog",
        "host.name": f"PC-{host:03d}",
        "agent.id": event_id("agent", host),
        "winlog.channel": "Microsoft-Windows-Sysmon/Operational",
        "winlog.record_id": number // 60,
        "process.pid": random_.randrange(4, 30_000),
        "process.executable": random_.choice(_PROGRAMS),
        "winlog.event_data.User": f"GMINA\\u{random_.randrange(70)}",
    }
    return common | random_.choices([_process, _connection, _name], [6, 3, 1])[0](random_)


def _process(random_: random.Random) -> Event:
    program = random_.choice(_PROGRAMS)
    tail = f"--id {random_.getrandbits(40):x} /pid:{random_.randrange(30000)}"
    return {
        "event.code": 1,
        "event.category": "process",
        "process.command_line": f'"{program}" -k netsvcs {tail}',
        "process.parent.executable": random_.choice(_PROGRAMS),
        "process.parent.pid": random_.randrange(4, 30_000),
        "winlog.event_data.Hashes": f"SHA256={event_id(program)}{event_id(program, 2)}",
        "winlog.event_data.IntegrityLevel": "Medium",
        "winlog.event_data.User": (f"ZARZĄDZANIE NT\\u{random_.randrange(3)}", "NT AUTHORITY\\SYSTEM"),
    }


def _connection(random_: random.Random) -> Event:
    return {
        "event.code": 3,
        "event.category": "network",
        "source.ip": f"10.1.{random_.randrange(4)}.{random_.randrange(250)}",
        "source.port": random_.randrange(65_000),
        "destination.ip": f"{random_.randrange(1, 223)}.{random_.randrange(250)}.1.{random_.randrange(250)}",
        "destination.port": random_.choice([443, 80, 53, 445, 389]),
    }


def _name(random_: random.Random) -> Event:
    return {
        "event.code": 22,
        "event.category": "network",
        "dns.question.name": f"a{random_.randrange(5000)}.example.pl",
    }


def _line(name: str, figure: str) -> None:
    print(f"{name:<32} {figure}", flush=True)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    import sys

    raise SystemExit(main(sys.argv[1:]))

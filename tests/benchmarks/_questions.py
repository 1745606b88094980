"""The questions that the store's benchmark asks of every store, and what each costs."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.clock import HOUR, MINUTE
from appliance.normalise.model import Event
from appliance.store import Measure
from appliance.store.model import QueryTooLarge, Store
from tests.benchmarks._made import WORD

TIMES = 3
"""How often each question is asked warm."""
Question = tuple[str, Callable[[], object]]
Spent = Callable[[], float]
"""Returns the seconds of CPU that a store has used so far, with all its processes."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a question took, in milliseconds: the first time, then the best and the median; CPU time of the best."""

    cold: float
    cold_cpu: float
    warm: float
    cpu: float


def questions(store: Store, start: int, end: int) -> list[Question]:
    """Return what is asked, by name; `start` and `end` are the times of the first and last event."""
    some = _a_start(store, start, end)
    identity, at = str(some["event.id"]), _moment(some)
    middle, distinct = (start + end) // 2, Measure("distinct", "process.executable")
    return [
        ("first page, newest", lambda: store.search("", limit=50)),
        ("page in the middle", lambda: store.search("", end=middle, limit=50)),
        ("field equality, first page", lambda: store.search("host.name:PC-007 code:4625", limit=50)),
        ("field equality, count", lambda: store.count("host.name:PC-007 code:4625")),
        ("rare term, first page", lambda: store.search(WORD, limit=50)),
        ("free text, rare, count", lambda: store.count(WORD)),
        ("free text, frequent, count", lambda: store.count("powershell")),
        ("inside a command line, count", lambda: store.count('cmd:"--id dead"')),
        ("regular expression, count", lambda: store.count(r"cmd:/--id\sdead[0-9]/")),
        ("network, count", lambda: store.count("destination.ip:10.0.0.0/8")),
        ("histogram, 24 hours in 96", lambda: store.histogram("", end - 24 * HOUR, end, 96)),
        ("histogram of a query, all", lambda: store.histogram("code:3", start, end, 96)),
        ("top 20 programs", lambda: store.top("", "process.executable", 20)),
        ("top 20 command lines", lambda: store.top("", "process.command_line", 20)),
        ("groups by host and code", lambda: store.group("", ["host.name", "event.code"])),
        ("groups with a distinct count", lambda: store.group("", ["host.name"], [distinct])),
        ("suggested values", lambda: store.values("process.executable", "c:\\prog")),
        ("one event by id", lambda: store.get(identity)),
        ("one event by id and time", lambda: store.get(identity, at)),
        ("around an event", lambda: store.around(identity, 5 * MINUTE, 50, at)),
        ("process chain of 5", lambda: store.process_chain(some, 5)),
        ("process tree", lambda: store.process_tree(some)),
    ]


def _a_start(store: Store, start: int, end: int) -> Event:
    return store.search("code:1", start, (start + 3 * end) // 4, limit=1).events[0]


def _moment(event: Event) -> int:
    at = event["@timestamp"]
    assert isinstance(at, int)
    return at


def cost(question: Callable[[], object], spent: Spent, forget: Callable[[], None]) -> Cost | None:
    """Ask once after everything was forgotten, then some times warm; None for what a store refuses as too large."""
    forget()
    try:
        question()
    except QueryTooLarge:
        return None
    forget()
    took = [_once(question, spent) for _ in range(TIMES + 1)]
    wall, cpu = min(took[1:])
    return Cost(took[0][0], took[0][1], wall, min(cpu, *(one[1] for one in took[1:])))


def _once(question: Callable[[], object], spent: Spent) -> tuple[float, float]:
    began, used = time.perf_counter(), spent()
    question()
    return (time.perf_counter() - began) * 1000, (spent() - used) * 1000


def forget(folder: Path) -> None:
    """Let the system forget what it has read of the segments of a folder."""
    for path in folder.glob("*.parquet"):
        handle = os.open(path, os.O_RDONLY)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def told(one: Cost | None) -> str:
    """Return a cost as text."""
    if one is None:
        return "refused as too large"
    return f"cold {one.cold:.0f} ms ({one.cold_cpu:.0f} CPU), warm {one.warm:.0f} ms ({one.cpu:.0f} CPU)"


def middle(figures: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(figures)

"""More out of the office than a computer's own days have had so far (T1048, T1567.002).

Each computer has a sum of the bytes of its uploads for each of its last days; days without any are no days. What is
usual is their median; a day is unusual above all of FLOOR, TIMES the median, and twice the second largest day: one
large day, harmless or not, does not make the next one usual, a weekly backup does from the third week on. Before DAYS
days nothing is said; rules with fixed limits watch from the first.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median
from typing import Any

from collector.analysers.bounded import DAY, Quiet, Recent
from collector.analysers.fields import ended
from collector.analysers.model import Memory, notice
from collector.analysers.rows import MOST_TOLD, mapping, newest, row
from collector.analysers.sent import Sent
from collector.analysers.targets import CONNECTIONS, PATHS, Names
from collector.heads.head import Entry
from collector.protocols.model import Log

FLOOR = 300_000_000
"""Bytes: an office's people send some tens of MB a day; a folder of scans or photographs is some hundreds."""
TIMES = 5
DAYS = 5
"""Days of its own that a computer must have: a working week."""
HISTORY = 28
MOST_HOSTS, MOST_REMEMBERED = 1024, 512
KILO = 1000
MOST_TARGETS = 16
PAUSE = DAY


class Days:
    """What a computer has sent: today to each of its largest targets, and on the days before."""

    __slots__ = ("before", "day", "targets", "today")

    def __init__(self, day: int) -> None:
        self.day, self.today = day, 0
        self.before: list[int] = []
        self.targets: dict[str, int] = {}

    def take(self, day: int, count: int, target: str) -> None:
        """Count bytes; a new day begins when a log of one comes, later logs of the old day count for the new one.

        A clock that was set back by more days begins a new day, too.
        """
        if day > self.day or day < self.day - 1:
            self.before = [*self.before, self.today][-HISTORY:] if self.today else self.before
            self.day, self.today, self.targets = day, 0, {}
        self.today += count
        self.targets[target] = self.targets.get(target, 0) + count
        if len(self.targets) > MOST_TARGETS:
            del self.targets[min(self.targets, key=self.targets.__getitem__)]

    @property
    def usual(self) -> float:
        """The median of the days before."""
        return median(self.before) if self.before else 0.0

    @property
    def limit(self) -> float:
        """Bytes of a day above which it is unusual."""
        return max(FLOOR, TIMES * self.usual, 2 * sorted(self.before)[-2])

    @property
    def unusual(self) -> bool:
        """Whether today is."""
        return len(self.before) >= DAYS and self.today > self.limit


class Upload:
    """Notices `Conn::Upload_Above_Usual`."""

    name = "upload"
    paths: frozenset[str] = PATHS

    def __init__(self, names: Names | None = None, sent: Sent | None = None) -> None:
        # Shared names learn from whoever made them.
        self._learns = names is None
        self.paths = PATHS if names is None else CONNECTIONS
        self._names = names or Names()
        self._sent = sent or Sent()
        self._hosts: Recent[str, Days] = Recent(MOST_HOSTS)
        self._quiet = Quiet(PAUSE, MOST_TOLD)

    def see(self, entry: Entry) -> Iterable[Log]:
        """Take a log."""
        if self._learns:
            self._names.learn(entry)
        flow = entry.flow
        if flow is None or entry.log.path not in CONNECTIONS:
            return
        name, count = self._names.of(entry, flow), self._sent.new(entry)
        if not count:
            return
        at = ended(entry.log)
        days = row(self._hosts, flow.orig_h, lambda: Days(at // DAY))
        days.take(at // DAY, count, name or flow.resp_h)
        if days.unusual and self._quiet.may(flow.orig_h, at):
            yield notice(
                "Conn::Upload_Above_Usual",
                at,
                {
                    "src": flow.orig_h,
                    "dst": flow.resp_h,
                    "sub": max(days.targets, key=days.targets.__getitem__),
                    "n": days.today,
                    "usual": int(days.usual),
                    "limit": int(days.limit),
                    "days": len(days.before),
                },
            )

    def tick(self, _now: int) -> Iterable[Log]:
        """Nothing follows from silence."""
        return ()

    def memory(self) -> Memory:
        """Return the days of all computers, and what was noticed."""
        hosts = [
            [host, one.day, one.today, [count // KILO for count in one.before]]
            for host, one in newest(self._hosts, MOST_REMEMBERED)
        ]
        return {"hosts": hosts, "quiet": self._quiet.memory()}

    def recall(self, memory: Memory) -> None:
        """Take what was remembered before the restart."""
        kept = mapping(memory)
        self._quiet.recall(kept.get("quiet", []))
        for one in list(kept.get("hosts", []))[:MOST_HOSTS]:
            host, days = _recalled(one)
            self._hosts[host] = days


def _recalled(one: Any) -> tuple[str, Days]:
    host, day, today, before = one
    days = Days(int(day))
    days.today, days.before = int(today), [int(count) * KILO for count in before][-HISTORY:]
    return str(host), days

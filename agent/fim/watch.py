"""The file monitor itself: rounds through the watched places, single paths that were reported, and the changes of both.

Knows no platform: who changed a file is told to it, the clock and the place of the log of packages are given.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import NamedTuple

from agent.fim.baseline import Baseline
from agent.fim.entries import DELETED, Change, Entry, compare
from agent.fim.look import Unreadable, look, walk
from agent.fim.places import Places

MAX_PENDING = 10_000
"""Reported paths that wait to be looked at; above it a round finds the rest."""
SETTLE = 0.5
"""Seconds that a reported path rests before it is looked at: one saving of a file is many events."""
SETTLE_MOST = 3.0
"""Seconds after which it is looked at though it still changes."""


class Who(NamedTuple):
    """The process that changed a file; empty and None for what is not known."""

    pid: int | None = None
    executable: str = ""
    command_line: str = ""
    user: str = ""
    parents: tuple[str, ...] = ()
    """Programs of its parents, the nearest first."""


class Finding(NamedTuple):
    """One change: where, what, from and to which state, who, and whether it was seen as it happened."""

    path: str
    change: Change
    before: Entry | None
    after: Entry | None
    who: Who | None
    live: bool


class _Pending:
    def __init__(self, now: float, who: Who) -> None:
        self.first = self.last = now
        self.who = who


class Watch:
    """Compares what is there with the baseline, a slice of time after the other."""

    def __init__(self, baseline: Baseline, places: Places, clock: Callable[[], float] = time.monotonic) -> None:
        self._baseline = baseline
        self._places = places
        self._clock = clock
        self._round: Iterator[str | Unreadable] | None = None
        self._number = 0
        self._pending: OrderedDict[str, _Pending] = OrderedDict()
        self.unreadable = 0
        """Paths of the last round that could not be looked at."""
        self.too_many = False
        """Whether paths were left out because there are too many."""
        self.overflowed = False
        """Whether reports were dropped, so that a round is due."""

    @property
    def in_round(self) -> bool:
        """Whether a round goes on."""
        return self._round is not None

    @property
    def pending(self) -> int:
        """How many reported paths wait."""
        return len(self._pending)

    def begin(self) -> None:
        """Begin a round through all places."""
        self._number = self._baseline.next_round()
        self.unreadable, self.too_many, self.overflowed = 0, False, False
        self._round = self._paths()

    def report(self, path: str, who: Who) -> None:
        """Take note that something happened to a path."""
        now = self._clock()
        known = self._pending.get(path)
        if known is not None:
            known.last = now
            known.who = known.who if known.who.executable else who
        elif len(self._pending) >= MAX_PENDING:
            self.overflowed = True
        else:
            self._pending[path] = _Pending(now, who)

    def work(self, seconds: float, unsettled: bool = False) -> list[Finding]:
        """Look at what rested long enough (`unsettled`: at everything) and go on with the round, so long at most."""
        until = self._clock() + seconds
        findings: list[Finding] = []
        for path in self._settled(unsettled):
            reported = self._pending.pop(path, None)
            if reported is not None:
                findings += self._look(path, reported.who)
            if self._clock() >= until:
                return findings
        while self._round is not None and self._clock() < until:
            findings += self._step()
        return findings

    def _settled(self, unsettled: bool) -> list[str]:
        now = self._clock()
        return [
            path
            for path, one in self._pending.items()
            if unsettled or now - one.last >= SETTLE or now - one.first >= SETTLE_MOST
        ]

    def _step(self) -> list[Finding]:
        assert self._round is not None
        found = next(self._round, None)
        if found is None:
            self._round = None
            return []
        if isinstance(found, Unreadable):
            self.unreadable += 1
            return []
        return self._compared(found, None, live=False)

    def _paths(self) -> Iterator[str | Unreadable]:
        """Yield what is there, then what was there before."""
        yield from walk(list(self._places.found()), self._places.covers)
        for path in self._baseline.unseen(self._number):
            if self._places.covers(path):
                yield path
            else:
                self._baseline.drop(path)

    def _look(self, path: str, who: Who) -> list[Finding]:
        """Look at a reported path; of a folder that came or went also at all below it."""
        findings = self._compared(path, who, live=True)
        if not any(finding.after is None or finding.before is None for finding in findings):
            return findings
        inside = [one for one in walk([path], self._places.covers) if isinstance(one, str)]
        for one in dict.fromkeys([*inside[1:], *self._baseline.below(path)]):
            if len(findings) >= MAX_PENDING:
                self.overflowed = True
                break
            reported = self._pending.pop(one, None)
            findings += self._compared(one, reported.who if reported else who, live=True)
        return findings

    def _compared(self, path: str, who: Who | None, *, live: bool) -> list[Finding]:
        before = self._baseline.get(path)
        try:
            after = look(path, before)
        except OSError:
            self.unreadable += 1
            self._baseline.seen(path, self._number)
            return []
        change = compare(before, after)
        if after is None:
            self._baseline.drop(path)
        elif before != after:
            if not self._baseline.put(path, after, self._number):
                self.too_many = True
                return []
        else:
            self._baseline.seen(path, self._number)
        if change is None or (self._baseline.fresh and not live):
            return []
        return [Finding(path, change, before, after, who, live)]


def moved_from(findings: list[Finding]) -> dict[str, str]:
    """Return, of files that were renamed, the new path to the old one: the same inode went and came."""
    gone = {
        (one.before.inode, one.before.kind): one.path for one in findings if one.change.action == DELETED and one.before
    }
    return {
        one.path: gone[key]
        for one in findings
        if one.before is None and one.after and (key := (one.after.inode, one.after.kind)) in gone
    }

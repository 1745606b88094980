"""The file monitor itself: rounds through the watched places, single paths that were reported, and the changes of both.

Knows no platform: who changed a file is told to it, the clock and the place of the log of packages are given.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import NamedTuple, Optional

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
TREE_SETTLE, TREE_EVERY = 2.0, 30.0
"""Seconds that a folder rests in which something happened, and between two looks through the same one."""
Looking = Callable[[str, Optional[Entry]], Optional[Entry]]
"""Looks at a path as `agent.fim.look.look` does."""


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


class _Going(NamedTuple):
    """A look through folders that goes on: its number in the baseline, the paths, whether it was reported."""

    number: int
    paths: Iterator[str | Unreadable]
    live: bool


class Watch:
    """Compares what is there with the baseline, a slice of time after the other."""

    def __init__(
        self,
        baseline: Baseline,
        places: Places,
        clock: Callable[[], float] = time.monotonic,
        looking: Looking | None = None,
    ) -> None:
        """Look at files by `looking`; when None, as every system but Windows has it."""
        self._baseline = baseline
        self._places = places
        self._clock = clock
        self._looking = looking
        self._round: _Going | None = None
        self._tree: _Going | None = None
        self._trees: dict[tuple[str, bool], float] = {}
        self._tree_ended: dict[tuple[str, bool], float] = {}
        self._number = 0
        self._pending: OrderedDict[str, _Pending] = OrderedDict()
        self._taken: set[str] = set()
        """Paths that a first round has taken for known since all reports were heard."""
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

    @property
    def is_going(self) -> bool:
        """Whether a round or the look through a reported folder goes on."""
        return self._round is not None or self._tree is not None

    def rest(self) -> float | None:
        """Return after how many seconds there is work, None when nothing is known of any."""
        if self.is_going or self._pending:
            return 0.0
        due = self._next_tree()
        return None if due is None else max(0.0, due[1] - self._clock())

    def begin(self) -> None:
        """Begin a round through all places."""
        number = self._baseline.next_round()
        self.unreadable, self.too_many, self.overflowed = 0, False, False
        self._round = _Going(number, self._paths(number), live=False)

    def report(self, path: str, who: Who) -> None:
        """Take note that something happened to a path."""
        if path in self._taken:
            # The first round met the change before its report came: known, it would never be told.
            self._taken.discard(path)
            self._baseline.drop(path)
        now = self._clock()
        known = self._pending.get(path)
        if known is not None:
            known.last = now
            known.who = known.who if known.who.executable else who
        elif len(self._pending) >= MAX_PENDING:
            self.overflowed = True
        else:
            self._pending[path] = _Pending(now, who)

    def heard(self) -> None:
        """Take note that all was reported that had happened up to now."""
        self._taken.clear()

    def report_tree(self, folder: str, *, deep: bool = True) -> None:
        """Take note that something happened in a folder, nobody knows to which path; `deep` means anywhere below."""
        self._trees.setdefault((folder, deep), self._clock())

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
        while self._clock() < until and (going := self._going()) is not None:
            findings += self._step(going)
        return findings

    def _settled(self, unsettled: bool) -> list[str]:
        now = self._clock()
        return [
            path
            for path, one in self._pending.items()
            if unsettled or now - one.last >= SETTLE or now - one.first >= SETTLE_MOST
        ]

    def _next_tree(self) -> tuple[tuple[str, bool], float] | None:
        """Return the reported folder that is to be looked through next, and when. None before the first round's end."""
        if not self._trees or self._baseline.fresh:
            return None
        due = {
            one: max(since + TREE_SETTLE, self._tree_ended.get(one, 0.0) + TREE_EVERY)
            for one, since in self._trees.items()
        }
        first = min(due, key=due.__getitem__)
        return first, due[first]

    def _going(self) -> _Going | None:
        """Return what is to go on: a reported folder before the round."""
        if self._tree is None:
            due = self._next_tree()
            if due is not None and due[1] <= self._clock():
                del self._trees[due[0]]
                self._tree_ended[due[0]] = self._clock()
                number = self._baseline.next_round()
                self._tree = _Going(number, self._inside(*due[0], number), live=True)
        return self._tree or self._round

    def _step(self, going: _Going) -> list[Finding]:
        self._number = going.number
        found = next(going.paths, None)
        if found is None:
            if going is self._tree:
                self._tree = None
            else:
                self._round = None
            return []
        if isinstance(found, Unreadable):
            self.unreadable += 1
            return []
        if found in self._pending:
            # Taken for known now, its change would never be told: the report says who made it, once it has settled.
            return []
        return self._compared(found, None, live=going.live)

    def _paths(self, number: int) -> Iterator[str | Unreadable]:
        """Yield what is there, then what was there before."""
        yield from walk(list(self._places.found()), self._places.covers)
        for path in self._baseline.unseen(number):
            if self._places.covers(path):
                yield path
            else:
                self._baseline.drop(path)

    def _inside(self, folder: str, deep: bool, number: int) -> Iterator[str | Unreadable]:
        """Yield what is there in one folder, then what was there before."""

        def wanted(path: str) -> bool:
            return self._places.covers(path) and (deep or path.rpartition("/")[0] == folder)

        yield from (one for one in walk([folder], wanted) if one != folder or self._places.covers(folder))
        yield from filter(wanted, self._baseline.below(folder, number))

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
            after = (self._looking or look)(path, before)
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
        if change is None:
            return []
        if self._baseline.fresh and not live:
            self._taken.add(path)
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

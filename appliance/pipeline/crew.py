"""Batches in, the same batches worked out, in the same order, on as many cores as it pays to use.

The pipeline's own worker does what nobody else has begun; while there is much to do, helper processes take batches
from the front. Working a batch depends on nothing but the batch and the rules, so it does not matter who does it,
how often, or when: results come out in the order of the journal, and so alerts have the same ids with any number of
helpers. (Sharing out by host would give the same; by batch, one busy host or an import uses all cores, too.)
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import structlog

from appliance.journal import Batch
from appliance.pipeline.helper import Answer, Helper
from appliance.pipeline.work import Unit, Worked, Worker

QUEUE_RECORDS, BUSY_RECORDS = 16_000, 8_000
"""Records that wait in the queue, past its first unit, and how many of them are much to do."""
UNIT_RECORDS = 2_000
"""Records that are worked in one go, past the first batch: what is made of them has its price for each time."""
TAKE_RECORDS = 4_000
"""Records that are handed on together, past the first unit: what comes after has its price for each time."""
AHEAD_UNITS = 2
"""Units that a helper has at once: the one that it works, and the next. Whoever is free first takes what follows."""
BUSY_SECONDS, IDLE_SECONDS = 1.0, 60.0
"""After how long with much to do a helper is started, and after how long without anything to do they are let go."""
STUCK_SECONDS = 30.0
"""After how long without an answer a helper is given up."""
REST_SECONDS = 30.0
"""How long after that none is started."""
_WAIT_SECONDS = 0.05
log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class Item:
    """Batches in the queue: somebody has `begun`, maybe a `helper`; `worked` is what became of them."""

    unit: Unit
    begun: bool = False
    helper: Helper | None = None
    worked: Worked | None = None

    @property
    def records(self) -> int:
        """How many records it has."""
        return sum(batch.records for batch in self.unit)


class Crew:
    """The queue, a worker of our own, and up to `most` helpers. One thread uses it; those of helpers take from it."""

    def __init__(self, worker: Worker, most: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self.worker, self.most = worker, most
        self.helpers: list[Helper] = []
        self._queue: deque[Item] = deque()
        self._lock = threading.Lock()
        """Held by who changes the queue, who begins an item in it, and who changes the helpers."""
        self._clock = clock
        self._news = threading.Event()
        self._busy_since: float | None = None
        self._not_before = 0.0
        self._idle_since: float | None = None

    @property
    def newest(self) -> int | None:
        """Position of the last batch that waits."""
        return self._queue[-1].unit[-1].seq if self._queue else None

    @property
    def busy(self) -> bool:
        """Whether there is much to do. Any thread may ask."""
        return self._busy_since is not None

    @property
    def room(self) -> bool:
        """Whether it takes further batches."""
        return sum(item.records for item in self._queue) < QUEUE_RECORDS

    def add(self, batches: Sequence[Batch]) -> None:
        """Queue batches."""
        waiting = deque(batches)
        with self._lock:
            while waiting:
                self._queue.append(Item(tuple(_first(waiting, UNIT_RECORDS))))
                for _ in self._queue[-1].unit:
                    waiting.popleft()
        self._staff()

    def done(self) -> list[tuple[Unit, Worked]]:
        """Return the first units, worked out; they stay first until `forget`. Nothing when nothing waits."""
        first = _first(self._queue, TAKE_RECORDS)
        while True:
            self._collect()
            # Also when all is there: helpers go on while it is taken.
            for helper in self.helpers:
                self._feed(helper)
            if all(item.worked for item in first):
                return [(item.unit, item.worked) for item in first if item.worked]
            if not self._work_one():
                self._news.wait(_WAIT_SECONDS)
                self._news.clear()

    def forget(self, count: int) -> None:
        """Drop so many units from the front: they are taken."""
        with self._lock:
            for _ in range(count):
                self._queue.popleft()

    def use(self, worker: Worker) -> None:
        """Go on with other rules: whatever waits is worked by them, and by helpers that are started with them."""
        self._let_go()
        self.worker = worker
        for item in self._queue:
            item.begun, item.worked = False, None

    def close(self) -> None:
        """Let all helpers go, and wait until they are gone."""
        for thread in self._let_go():
            thread.join()

    def _let_go(self) -> list[threading.Thread]:
        return [self._part(helper) for helper in list(self.helpers)]

    def hire(self) -> None:
        """Start a helper; it is given batches once it is ready."""
        with self._lock:
            self.helpers.append(Helper(self.worker, self._news.set, self._feed, self._clock))

    def _part(self, helper: Helper) -> threading.Thread:
        with self._lock:
            self.helpers.remove(helper)
            for item in self._queue:
                if item.helper is helper:
                    item.helper = None
                    item.begun = item.worked is not None
        return helper.end()

    def _staff(self) -> None:
        """Start a helper when there has been much to do for a while, let them go when there has been nothing."""
        now, waiting = self._clock(), sum(item.records for item in self._queue)
        self._busy_since = _since(self._busy_since, now, holds=waiting >= BUSY_RECORDS)
        self._idle_since = _since(self._idle_since, now, holds=not waiting)
        if self._idle_since is not None and now - self._idle_since >= IDLE_SECONDS and self.helpers:
            log.info("helpers_let_go", helpers=len(self.helpers))
            self.close()
        wanted = len(self.helpers) < self.most and now >= self._not_before
        if wanted and self._busy_since is not None and now - self._busy_since >= BUSY_SECONDS:
            self._busy_since = now
            self.hire()
            log.info("helper_started", pid=self.helpers[-1].pid, waiting=waiting)

    def _collect(self) -> None:
        """Take what helpers have answered, and take back what dead ones have not."""
        for helper in list(self.helpers):
            for unit, answer in helper.answers():
                item = next(item for item in self._queue if item.unit is unit)
                item.worked = answer.worked
                self._charge(answer)
            if helper.dead or self._stuck(helper):
                log.warning("helper_given_up", pid=helper.pid, dead=helper.dead)
                # What ended this one may end the next: a start costs more than a second of a core.
                self._not_before = self._clock() + REST_SECONDS
                self._part(helper).join()

    def _stuck(self, helper: Helper) -> bool:
        return bool(helper.given) and self._clock() - helper.heard > STUCK_SECONDS

    def _charge(self, answer: Answer) -> None:
        """Count what rules have cost the helper as if it had been us."""
        for rule, (evaluated, matched, nanoseconds) in answer.costs.items():
            stats = self.worker.engine.stats[rule]
            stats.evaluated += evaluated
            stats.matched += matched
            stats.nanoseconds += nanoseconds

    def _feed(self, helper: Helper) -> None:
        """Give a helper as much as it should have. Any thread may."""
        with self._lock:
            # Its thread may ask when it has just been let go.
            while helper in self.helpers and helper.ready and not helper.dead and len(helper.given) < AHEAD_UNITS:
                item = self._begin()
                if item is None:
                    return
                item.helper = helper
                helper.give(item.unit)

    def _work_one(self) -> bool:
        with self._lock:
            item = self._begin()
        if item is None:
            return False
        item.worked = self.worker.work(item.unit)
        return True

    def _begin(self) -> Item | None:
        """The first item that nobody has begun."""
        item = next((item for item in self._queue if not item.begun), None)
        if item is not None:
            item.begun = True
        return item


def _since(before: float | None, now: float, *, holds: bool) -> float | None:
    """Return since when something holds."""
    return (now if before is None else before) if holds else None


class _Counted(Protocol):
    @property
    def records(self) -> int: ...


_Any = TypeVar("_Any", bound=_Counted)


def _first(queue: Iterable[_Any], records: int) -> list[_Any]:
    """Return the first of a queue, of at most so many records past the first one."""
    found: list[_Any] = []
    for one in queue:
        records -= one.records
        if found and records < 0:
            break
        found.append(one)
    return found

"""What the file monitors of all systems share: the baseline, rounds and reported paths in slices of time, their end."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from agent.fim.baseline import Baseline
from agent.fim.places import Places
from agent.fim.records import NAME
from agent.fim.watch import Finding, Looking, Watch
from agent.wire.event import CREATED, ID, MODULE, TIMESTAMP, Record, event_id
from agent.wire.sending.sensor import USUAL, Gap, Item, Reading

SLICE, PAUSE = 0.01, 0.2
"""Seconds of work at once, and between two slices: a round takes a twentieth of a core at most."""
ROUND_EVERY = 86_400.0
"""Seconds between rounds where changes are reported; four times as often where they are not."""
COMMIT_AFTER = 3.0
"""Seconds after which the baseline is kept: what was found has reached the spool by then. Killed before, it is found
again, with the same identity."""


class FileRounds(ABC):
    """A file monitor without its ears: a system's own sensor says what it hears, and what its findings look like."""

    def __init__(self, home: Path, system: str, places: Callable[[], Places], looking: Looking | None = None) -> None:
        """Keep the baseline under `home`; `system` is the name that ECS has for it."""
        self._home, self._system, self._places_of, self._looking = home, system, places, looking
        self._baseline: Baseline | None = None
        self._watch: Watch | None = None
        self._next = self._round_at = self._uncommitted = 0.0
        self._damaged: Gap | None = None
        """A baseline that could not be read, until it is told."""

    @property
    @abstractmethod
    def _seen_live(self) -> bool:
        """Whether changes everywhere are reported as they happen."""

    @abstractmethod
    def _items(self, findings: list[Finding]) -> list[Item]:
        """Return findings as records."""

    def _open_baseline(self) -> None:
        try:
            self._baseline = Baseline(self._home / "fim.db")
        except sqlite3.Error as error:
            raise OSError(str(error)) from error
        if self._baseline.damaged is not None:
            written = self._baseline.damaged.stat().st_mtime_ns // 1000
            self._damaged = Gap("fim_baseline_damaged", 0, written, time.time_ns() // 1000)
        self._next = 0.0
        self._places = self._places_of()
        self._watch = Watch(self._baseline, self._places, looking=self._looking)

    @property
    def _known(self) -> int:
        return len(self._baseline) if self._baseline is not None else 0

    def _begin(self) -> None:
        assert self._watch is not None
        self._watch.begin()
        self._round_at = time.monotonic() + (ROUND_EVERY if self._seen_live else ROUND_EVERY / 4)

    def wait(self) -> float | None:
        """Ask for slices while there is something to look at or to keep."""
        rest = self._watch.rest() if self._watch is not None else None
        if rest is not None:
            return max(rest, self._next - time.monotonic(), 0.0)
        return 1.0 if self._uncommitted else None

    def _hear(self) -> list[Item]:
        """Note all that has been reported up to now, where changes are reported."""
        return []

    def tick(self) -> list[Item]:
        """Do a slice of work, when it is time for one."""
        now = time.monotonic()
        if self._watch is None or self._baseline is None or now < self._next:
            return []
        self._next = now + PAUSE
        if not self._watch.in_round and (now >= self._round_at or self._watch.overflowed):
            self._begin()
        fresh = self._baseline.fresh
        was_in_round = self._watch.in_round
        was_going = self._watch.is_going
        items = self._items(self._watch.work(SLICE)) + self._of_damage()
        if fresh:
            items += self._hear()
            self._watch.heard()
        if was_in_round and not self._watch.in_round:
            items += self._round_ended(fresh=fresh)
        if items or was_going:
            self._uncommitted = self._uncommitted or now
        if self._uncommitted and now - self._uncommitted >= COMMIT_AFTER:
            self._baseline.commit()
            self._uncommitted = 0.0
            if not self._watch.in_round:
                self._baseline.rest()
        return items

    def _of_damage(self) -> list[Item]:
        """Tell once that what was remembered is lost: what changed since it was last written will not be found."""
        gap, self._damaged = self._damaged, None
        return [] if gap is None else [gap]

    def _round_ended(self, *, fresh: bool) -> list[Item]:
        """Tell of the first round, or of one that could not see all; note the end."""
        assert self._watch is not None
        assert self._baseline is not None
        now = time.time_ns() // 1000
        self._baseline.finish_round(now)
        if not fresh and not self._watch.unreadable and not self._watch.too_many:
            return []
        record: Record = {
            MODULE: NAME,
            "event.action": "fim_baseline" if fresh else "fim_round",
            TIMESTAMP: now,
            CREATED: now,
            ID: event_id(self._baseline.name, "round", now),
            "host.os.type": self._system,
            "fim.count": len(self._baseline),
            "fim.unreadable": self._watch.unreadable,
            "fim.too_many": self._watch.too_many,
        }
        return [Reading(record, USUAL)]

    def finish(self) -> list[Item]:
        """Look at what was reported and not yet looked at; the rest the next start finds."""
        return self._items(self._watch.work(1.0, unsettled=True)) if self._watch is not None else []

    def _close_baseline(self) -> None:
        if self._baseline is not None:
            with contextlib.suppress(sqlite3.Error):
                self._baseline.commit()
            self._baseline.close()
        self._baseline = self._watch = None
        self._uncommitted = 0.0

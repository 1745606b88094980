"""Logs of other sensors before analysers: those of our own sensor where it watches beside them, else their own."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from agent.wire.sending.sensor import Bookmark, Reading
from collector.acquaintance import Acquaintance
from collector.analysers.analysis import Analysis
from collector.heads.head import Entry
from collector.memory import BOOKMARK, packed, unpacked
from collector.sides import Sides

REMEMBER = 300.0
"""Seconds after which what the analysers know is saved again."""


class Analysed:
    """Says which ends are the office's, and what follows from a log."""

    def __init__(self, sides: Sides, analysis: Analysis, *, shared: bool) -> None:
        """`shared` analysers have their time, and their memory, from the sensor whose they are."""
        self._sides, self._analysis, self._shared = sides, analysis, shared
        self._acquaintance = Acquaintance()
        self._last = 0
        self._remembered: float | None = None

    def recall(self, bookmarks: Mapping[str, str]) -> None:
        """Take what was known before, the first time."""
        if not self._shared and self._remembered is None:
            self._analysis.recall(unpacked(bookmarks.get(BOOKMARK, "")))
            self._remembered = time.monotonic()

    def see(self, entry: Entry) -> Iterator[Entry]:
        """Yield a log and what follows from it."""
        told = self._acquaintance.say(self._sides.say(entry))
        # Time is that of the logs; a sensor whose clock is ahead does not take it along.
        self._last = max(self._last, min(entry.log.at, time.time_ns() // 1000))
        yield told
        yield from map(self._sides.say, self._analysis.see(told))

    def tick(self) -> Iterator[Entry]:
        """Yield what is due by time."""
        if not self._shared and self._last:
            yield from self._analysis.tick(self._last)

    def memory(self, *, last: bool = False) -> list[Reading]:
        """Return what moves only the bookmark, when it is time to save what is known, or for the last time."""
        if self._remembered is None or not (last or time.monotonic() - self._remembered >= REMEMBER):
            return []
        self._remembered = time.monotonic()
        return [Reading(None, bookmark=Bookmark(BOOKMARK, packed(self._analysis.memory())))]

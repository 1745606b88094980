"""What the sensor says about itself: rates, losses, and whether the mirror port shows both directions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collector.protocols.model import Value

ENOUGH = 100
"""Ended TCP flows after which the share of two-way ones means something."""
ONE_WAY = 20
"""Percent of two-way flows below which a mirror port is taken to show one direction only."""
_SECOND = 1_000_000_000
_DATA, _BEGINS, _GOES_ON = frozenset("Dd"), frozenset("SsHh"), frozenset("AaFf")
"""Letters of a history."""


@dataclass(slots=True)
class Counts:
    """Running totals, as the sensor's parts count them."""

    frames: int = 0
    bytes: int = 0
    drops: int = 0


class Meter:
    """Turns totals into figures for a heartbeat; times in nanoseconds."""

    def __init__(self, now: int) -> None:
        self._since = now
        self._before = Counts()
        self._two_way = self._ended = 0
        self.share: int | None = None
        """Percent of lately ended TCP flows in which both sides were seen; None before there were ENOUGH."""

    def ended(self, conn: Mapping[str, Value]) -> None:
        """Count the end of a flow, given its record."""
        if conn["proto"] != "tcp":
            return
        two_way = bool(conn["orig_pkts"] and conn["resp_pkts"])
        if not two_way and not _answered(set(str(conn["history"]))):
            return  # it looks the same with both directions
        self._ended += 1
        self._two_way += two_way
        if self._ended >= ENOUGH:
            self.share = 100 * self._two_way // self._ended
            self._ended = self._two_way = 0

    @property
    def one_way(self) -> bool:
        """Whether one direction is missing."""
        return self.share is not None and self.share < ONE_WAY

    def figures(self, counts: Counts, now: int) -> Mapping[str, int]:
        """Return rates since the last question (frames and bits a second), all drops, the share when it is known."""
        span = max(now - self._since, _SECOND // 10)
        frames, sent = counts.frames - self._before.frames, counts.bytes - self._before.bytes
        self._since, self._before = now, Counts(counts.frames, counts.bytes, counts.drops)
        found = {"frames": frames * _SECOND // span, "bits": 8 * sent * _SECOND // span, "drops": counts.drops}
        return found if self.share is None else {**found, "two_way": self.share}


def _answered(letters: set[str]) -> bool:
    """Tell whether the side that was seen had an answer: it sent data, or went on behind its SYN. Scans do neither."""
    return not letters.isdisjoint(_DATA) or not (letters.isdisjoint(_BEGINS) or letters.isdisjoint(_GOES_ON))

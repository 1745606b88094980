"""What the sensor asks of whoever watches the cards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from agent.wire.sending.sensor import Gap
from collector.analysers.analysis import Analysis
from collector.heads.head import Entry
from collector.losses import NONE, Losses, summed


class Totals(NamedTuple):
    """Running totals since the cards were opened: frames, their bytes on the wire, frames without room in the ring.

    `cut`, `sides` and `crossed` are those of `Watch` and its flow table; `full` says whose disk takes no packets now,
    `losses` what was passed over by the sensor itself.
    """

    frames: int = 0
    bytes: int = 0
    dropped: int = 0
    cut: int = 0
    sides: int = 0
    crossed: int = 0
    full: int = 0
    losses: Losses = NONE


def added(parts: Iterable[Totals]) -> Totals:
    """Return the sum of totals."""
    rows = [Totals(), *parts]
    counts = zip(*(row[:-1] for row in rows), strict=True)
    return Totals._make([*map(sum, counts), summed(row.losses for row in rows)])


class Watching(Protocol):
    """Those who watch. What they see comes in no order but that of each flow; `analysis` sees all of it."""

    analysis: Analysis

    def open(self) -> None:
        """Begin; raises OSError."""

    def fileno(self) -> int:
        """Return what becomes readable when there is something to read."""

    def read(self) -> list[Entry]:
        """Return what there is now, bounded."""

    def tick(self) -> list[Entry | Gap]:
        """Return what time brings; raises SensorLost when nobody can watch."""

    def totals(self) -> Totals:
        """Return what was counted."""

    def finish(self) -> list[Entry]:
        """Return what was held back: nothing more is read."""

    def close(self) -> None:
        """Stop; harmless when not open."""

"""Worked batches beside what the store already has: what is new of them, and what that means for the steps after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
import numpy.typing as npt

from appliance.journal import DeadLetter
from appliance.normalise import Event
from appliance.pipeline.work import Unit, Worked
from appliance.store import BatchResult
from appliance.store.shape import Rows

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Taken:
    """Worked batches; `names` are the ids of their events, `fresh` tells by row which are not in the store yet."""

    unit: Unit
    worked: Worked
    names: Sequence[bytes]
    fresh: Flags

    @property
    def rows(self) -> Rows:
        """The events that are new."""
        return self.worked.rows.where(self.fresh)

    @property
    def new(self) -> Sequence[bytes]:
        """The ids of the events that are new."""
        return self.names if self.fresh.all() else list(compress(self.names, self.fresh))

    @property
    def dead(self) -> list[DeadLetter]:
        """What could not be read."""
        return [letter for part in self.worked.parts for letter in part.dead]

    def hits(self) -> Iterator[tuple[int, Sequence[int]]]:
        """Yield the row of each new event that satisfied rules, and the places of these rules."""
        fresh = self.fresh
        return (hit for hit in self.worked.found.hits if fresh[hit[0]])

    def gaps(self) -> Iterator[Event]:
        """Yield new events that tell of a gap."""
        return (event for row, event in self.worked.found.gaps.items() if self.fresh[row])

    def stations(self) -> Iterator[Event]:
        """Yield new events in which agents tell of their stations."""
        return (event for row, event in self.worked.found.stations.items() if self.fresh[row])

    def results(self) -> Iterator[BatchResult]:
        """Yield what became of each batch."""
        begin = 0
        for batch, part in zip(self.unit, self.worked.parts, strict=True):
            new = int(self.fresh[begin : part.end].sum())
            known = part.end - begin - new
            yield BatchResult(batch.seq, batch.source, part.read, new, known, len(part.dead))
            begin = part.end


def without(names: Sequence[bytes], known: Flags, *others: set[bytes]) -> Flags:
    """Return which names are not known, in none of the other sets, and there for the first time."""
    fresh = ~known
    if len(set(names)) == len(names) and all(other.isdisjoint(names) for other in others):
        return fresh
    seen: set[bytes] = set()
    for row, name in enumerate(names):
        if name in seen or any(name in other for other in others):
            fresh[row] = False
        seen.add(name)
    return fresh

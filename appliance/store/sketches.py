"""The sketches of segments, read when first asked for and kept within a bound."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from appliance.search import Node
from appliance.store.damage import FAULTS
from appliance.store.grams import holding, telling
from appliance.store.manifest import Segment
from appliance.store.segments import Sketch, kept_sketch

MOST_BYTES = 32 << 20
MOST_RANGES = 100
"""Ranges of time that one question is narrowed to; with more, each would cost more than it spares."""
WORTH_IT = 0.75
"""Share of all row groups above which a question is not narrowed to those that may have an answer."""
Range = tuple[int, int]
"""First and last moment, in microseconds."""
_NONE = Sketch(b"", (), (), {})


class Sketches:
    """Sketches of one folder of segments; may be used by several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Sketch] = OrderedDict()
        self._size = 0

    def may_hold(self, segment: Segment, node: Node) -> bool:
        """Return whether some event of a segment can answer a question; False is certain."""
        return not telling(node) or bool(self._ranges(segment, node))

    def ranges(self, segments: Sequence[Segment], node: Node) -> list[Range]:
        """Return when the events of segments happened that can answer a question; empty = no saying.

        The engine reads only row groups that have such times, a small part of a segment each. Where these are nearly
        all of them nothing is said: to compare the times of all events takes longer.
        """
        if not telling(node) or not self._sparing(segments, node):
            return []
        found = merged(one for segment in segments for one in self._ranges(segment, node))
        return found if len(found) <= MOST_RANGES else []

    def _sparing(self, segments: Sequence[Segment], node: Node) -> bool:
        sketches = [self.of(one) for one in segments]
        every = sum(len(one.times) or 1 for one in sketches)
        near = sum(len(holding(one.pieces, node)) if one.pieces else 1 for one in sketches)
        return near < WORTH_IT * every

    def apart(self, segments: Sequence[Segment], node: Node) -> list[list[Segment]]:
        """Return segments in at most two parts: those whose row groups can be told apart for a question, and others.

        Else one small segment that spans a month would widen the ranges of all.
        """
        if not telling(node):
            return [list(segments)]
        sketched = [one for one in segments if self.of(one).pieces]
        return [part for part in (sketched, [one for one in segments if one not in sketched]) if part]

    def _ranges(self, segment: Segment, node: Node) -> list[Range]:
        sketch = self.of(segment)
        if not sketch.pieces:
            return [(segment.min_time, segment.max_time)]
        times, found = sketch.times, holding(sketch.pieces, node)
        # Neighbours are one range: up to where the next one begins.
        return [(times[at][0], max(times[at][1], times[at + 1][0] if at + 1 in found else 0)) for at in found]

    def of(self, segment: Segment) -> Sketch:
        """Return the sketch of a segment, an empty one where it has none: who reads the events says what is wrong."""
        file = segment.file
        with self._lock:
            if file not in self._kept:
                self._keep(file, self._read(file))
            self._kept.move_to_end(file)
            return self._kept[file]

    def _read(self, file: str) -> Sketch:
        try:
            return kept_sketch(self._folder / file) or _NONE
        except FAULTS:
            return _NONE

    def _keep(self, file: str, sketch: Sketch) -> None:
        self._kept[file] = sketch
        self._size += len(sketch.pieces)
        while self._size > MOST_BYTES and len(self._kept) > 1:
            self._size -= len(self._kept.popitem(last=False)[1].pieces)


def spans(times: Iterable[int], most: int = 1 << 30) -> list[Range]:
    """Return ranges that have these times, parted where nothing happened the longest.

    They are at most `most`, and at most `MOST_RANGES`.
    """
    known = sorted(set(times))
    gaps = sorted(range(1, len(known)), key=lambda at: known[at] - known[at - 1])
    gaps = gaps[len(gaps) - min(len(gaps), min(most, MOST_RANGES) - 1) :]
    cuts = [0, *sorted(gaps), len(known)]
    return [(known[low], known[high - 1]) for low, high in pairwise(cuts)]


def merged(ranges: Iterable[Range]) -> list[Range]:
    """Return ranges by time, those that overlap or touch as one."""
    found: list[Range] = []
    for start, end in sorted(ranges):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found

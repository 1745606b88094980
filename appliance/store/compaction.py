"""Small segments into larger ones, a step at a time."""

from __future__ import annotations

import time
import zlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from appliance.store import segments as files
from appliance.store.damage import altered, reading
from appliance.store.digest import digest
from appliance.store.manifest import MAX_RAW, MAX_REST_NAMES, MAX_ROWS, Merge, Segment
from appliance.store.missing import SegmentDamaged
from appliance.store.segments import SUFFIX, Probe
from appliance.store.shape import ID_COLUMN, REST, TIME_COLUMN

if TYPE_CHECKING:
    from appliance.store.writer import EmbeddedStore

FAN_IN = 8
"""Segments of like size that are merged into one."""
MAX_FAN_IN = 32

_MEMBERS_LEVEL = 6


class Compaction:
    """Chooses and does merges for one store; `probe` is told each step of writing one."""

    def __init__(self, folder: Path, probe: Probe) -> None:
        self._folder, self._probe = folder, probe

    def run(self, store: EmbeddedStore, budget_seconds: float) -> int:
        """Merge until the time is used up; return the number of merges."""
        until = time.monotonic() + budget_seconds
        try:
            return self._merges(store, until)
        finally:
            store.describe(until)

    def _merges(self, store: EmbeddedStore, until: float) -> int:
        done = 0
        while True:
            store.clean()
            segments, today, new_id = store.plan()
            chosen = choose(segments, today)
            if not chosen:
                return done
            try:
                self._swap(store, chosen, new_id)
            except SegmentDamaged as error:
                store.set_aside(error)
                continue
            # A merge needs much for a moment; without this the process would keep it.
            pa.default_memory_pool().release_unused()
            done += 1
            if time.monotonic() >= until:
                return done

    def _swap(self, store: EmbeddedStore, chosen: Sequence[Segment], new_id: int) -> None:
        merged, merge = self._merge(chosen, new_id)
        replaced = False
        try:
            replaced = store.replace(chosen, merged, merge)
        finally:
            if not replaced and not store.names(merged):
                (self._folder / merged.file).unlink(missing_ok=True)

    def _merge(self, chosen: Sequence[Segment], new_id: int) -> tuple[Segment, Merge]:
        tables = [whole(self._folder, segment) for segment in chosen]
        owners = np.repeat(np.arange(1, len(chosen) + 1, dtype="<u2"), [table.num_rows for table in tables])
        table = pa.concat_tables(tables, promote_options="default")
        del tables
        order = pc.sort_indices(table, [(TIME_COLUMN, "ascending"), (ID_COLUMN, "ascending")])
        table = table.take(order)
        members = zlib.compress(owners[order.to_numpy()].tobytes(), _MEMBERS_LEVEL)
        size, sha256 = files.write(self._folder, _name(new_id), table, lambda step: self._probe(f"merge {step}"))
        names: frozenset[str] | None = frozenset()
        for segment in chosen:
            names = None if names is None or segment.rest is None else names | segment.rest
        if names is not None and len(names) > MAX_REST_NAMES:
            names = None
        times = table.column(TIME_COLUMN)
        low, high = times[0].as_py(), times[-1].as_py()
        columns = tuple(name for name in table.column_names if name != REST)
        day, late, source_class = chosen[0].day, chosen[0].late, chosen[0].source_class
        merged = Segment(
            new_id,
            _name(new_id),
            day,
            late,
            table.num_rows,
            size,
            table.nbytes,
            low,
            high,
            columns,
            names,
            digest(table),
            sha256,
            source_class,
        )
        return merged, Merge(tuple(segment.file for segment in chosen), members)


def _name(segment_id: int) -> str:
    return f"{segment_id:010d}{SUFFIX}"


def read(path: Path) -> Any:
    """Return a segment file as a table. Raises OSError and ArrowException."""
    with pq.ParquetFile(path) as file:
        return file.read(use_threads=False)


def whole(folder: Path, segment: Segment) -> Any:
    """Return a segment as a table, its file held against the digest that it was written with.

    Raises SegmentDamaged and StoreUnavailable.
    """
    damaged = altered(folder, segment)
    if damaged is not None:
        raise damaged
    with reading(folder, segment) as path:
        return read(path)


def mergeable(segment: Segment) -> bool:
    """Return whether a segment is so small that it may be merged, with others of its day and lateness."""
    return segment.rows < MAX_ROWS // 2 and segment.raw < MAX_RAW // 2


def choose(segments: Sequence[Segment], today: int) -> list[Segment]:
    """Return segments to merge, empty when all is tidy: eight of like size; of a past day, all that are small."""
    groups: dict[tuple[int, bool, str], list[Segment]] = defaultdict(list)
    for segment in segments:
        if mergeable(segment):
            groups[segment.day, segment.late, segment.source_class].append(segment)
    for (day, _, _), group in sorted(groups.items()):
        tiers: dict[int, list[Segment]] = defaultdict(list)
        for segment in group:
            tiers[_tier(segment.rows)].append(segment)
        for _tier_number, tier in sorted(tiers.items()):
            if len(tier) >= FAN_IN:
                return _within(tier)
        if day < today and len(group) > 1:
            chosen = _within(sorted(group, key=lambda one: one.rows))
            if len(chosen) > 1:
                return chosen
    return []


def _tier(rows: int) -> int:
    return (rows.bit_length() - 1) // 3


def _within(group: Sequence[Segment]) -> list[Segment]:
    chosen: list[Segment] = []
    rows = raw = 0
    for segment in group[:MAX_FAN_IN]:
        if chosen and (rows + segment.rows > MAX_ROWS or raw + segment.raw > MAX_RAW):
            break
        chosen.append(segment)
        rows, raw = rows + segment.rows, raw + segment.raw
    return chosen if len(chosen) > 1 else []

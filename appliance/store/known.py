"""Which events are already stored: exact, and fast because an event's id is tied to its time.

Equal ids mean equal times, so a segment is asked only for the events within its time range. Its ids are read from
its own Parquet column when first needed and kept sorted, within a bound.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from appliance.store.damage import reading
from appliance.store.manifest import Segment
from appliance.store.shape import ID_COLUMN

MAX_IDS = 3_000_000
"""Ids kept in memory, 16 bytes each."""
Ids = npt.NDArray[np.uint64]


class KnownIds:
    """Sorted ids of the segments that were last asked for."""

    def __init__(self, folder: Path, max_ids: int = MAX_IDS) -> None:
        self._folder = folder
        self._max_ids = max_ids
        self._kept: OrderedDict[int, Ids] = OrderedDict()
        self._size = 0

    def known(self, times: npt.NDArray[np.int64], ids: Ids, segments: Sequence[Segment]) -> npt.NDArray[np.bool_]:
        """Return for each event whether it is in one of the segments; `ids` has two 64-bit halves a row.

        Raises SegmentDamaged and StoreUnavailable.
        """
        found = np.zeros(len(times), dtype=np.bool_)
        for segment in segments:
            within = np.flatnonzero((times >= segment.min_time) & (times <= segment.max_time) & ~found)
            if len(within):
                found[within] = _among(ids[within], self._ids(segment))
        return found

    def add(self, segment: Segment, ids: Ids) -> None:
        """Keep the ids of a segment that was just written, to spare reading them back."""
        self._keep(segment.id, ids[np.lexsort((ids[:, 1], ids[:, 0]))])

    def drop(self, segment_ids: Sequence[int]) -> None:
        """Let go of segments that are no more."""
        for one in segment_ids:
            gone = self._kept.pop(one, None)
            self._size -= 0 if gone is None else len(gone)

    def _ids(self, segment: Segment) -> Ids:
        kept = self._kept.get(segment.id)
        if kept is not None:
            self._kept.move_to_end(segment.id)
            return kept
        with reading(self._folder, segment) as path:
            self.add(segment, read_ids(path))
        return self._kept[segment.id]

    def _keep(self, key: int, ids: Ids) -> None:
        self._kept[key] = ids
        self._size += len(ids)
        while self._size > self._max_ids and len(self._kept) > 1:
            self._size -= len(self._kept.popitem(last=False)[1])


def _among(wanted: Ids, sorted_ids: Ids) -> npt.NDArray[np.bool_]:
    """Return which ids are in a table sorted by both halves."""
    first = np.searchsorted(sorted_ids[:, 0], wanted[:, 0])
    found = np.zeros(len(wanted), dtype=np.bool_)
    at = first.copy()
    open_ = np.flatnonzero(at < len(sorted_ids))
    # Several ids with the same first half are improbable, yet each is looked at.
    while len(open_):
        same = sorted_ids[at[open_], 0] == wanted[open_, 0]
        open_ = open_[same]
        found[open_] |= sorted_ids[at[open_], 1] == wanted[open_, 1]
        open_ = open_[~found[open_]]
        at[open_] += 1
        open_ = open_[at[open_] < len(sorted_ids)]
    return found


def firsts(ids: Ids) -> npt.NDArray[np.bool_]:
    """Return which ids are there for the first time."""
    found = np.zeros(len(ids), dtype=np.bool_)
    found[np.unique(ids, axis=0, return_index=True)[1]] = True
    return found


def halves(blob: bytes) -> Ids:
    """Return 16-byte ids as rows of two numbers that sort as the bytes do."""
    return np.frombuffer(blob, dtype=">u8").astype(np.uint64).reshape(-1, 2)


def read_ids(path: Path) -> Ids:
    """Return the ids of a segment file, in its order."""
    with pq.ParquetFile(path) as file:
        index = file.schema_arrow.get_field_index(ID_COLUMN)
        batches = [file.read_row_group(group, columns=[ID_COLUMN]) for group in range(file.num_row_groups)]
        assert index >= 0
    return np.concatenate([halves(_bytes(batch)) for batch in batches])


def _bytes(table: Any) -> bytes:
    return b"".join(chunk for array in table.column(ID_COLUMN).chunks for chunk in array.to_pylist())

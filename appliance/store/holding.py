"""Whether a hold keeps a segment: it has an event of the hold's time and, where the hold names one, of its host."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import structlog

from appliance.store.manifest import Segment
from appliance.store.model import Hold
from appliance.store.shape import TIME_COLUMN

HOST_COLUMN = "host.name:s"
log = structlog.get_logger()


class Holding:
    """The holds of one folder of segments."""

    def __init__(self, folder: Path, holds: Sequence[Hold]) -> None:
        self._folder, self._all = folder, holds

    def holds(self, segment: Segment) -> bool:
        """Return whether a segment has a held event; one that cannot be read may have some."""
        near = [one for one in self._all if one.start <= segment.max_time and segment.min_time < one.end]
        if not near:
            return False
        try:
            table = _read(self._folder / segment.file)
        except (OSError, pa.ArrowException) as error:
            log.warning("segment_held_unread", file=segment.file, reason=str(error)[:300])
            return True
        return any(_has(table, one) for one in near)


def _read(path: Path) -> Any:
    with pq.ParquetFile(path) as file:
        there = [name for name in (TIME_COLUMN, HOST_COLUMN) if name in file.schema_arrow.names]
        return file.read(columns=there, use_threads=False)


def _has(table: Any, hold: Hold) -> bool:
    times = table.column(TIME_COLUMN)
    chosen = pc.and_(pc.greater_equal(times, pa.scalar(hold.start)), pc.less(times, pa.scalar(hold.end)))
    if hold.host:
        if HOST_COLUMN not in table.column_names:
            return False
        host = pc.equal(pc.utf8_lower(table.column(HOST_COLUMN)), pa.scalar(hold.host.lower()))
        chosen = pc.and_(chosen, pc.fill_null(host, False))
    return bool(pc.any(chosen).as_py())

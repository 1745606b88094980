"""The events of a segment file: as a table, as lines, and what a pack says of their blocks so that lines prove them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from appliance.evidence.plain import event_line
from appliance.normalise.model import Event
from appliance.store.compaction import read
from appliance.store.damage import FAULTS
from appliance.store.digest import BLOCK
from appliance.store.shape import ID_COLUMN, REST, TIME_COLUMN, decode

__all__ = ["Damaged", "blocks_at", "ids_of", "lines", "opened", "part", "times_of", "unpack"]
Shape = list[list[str]]
"""Names that an event has in `rest`, in their order, each with the kinds of its entries."""


class Damaged(ValueError):
    """The file is not a segment that can be read."""


def table_of(path: Path) -> Any:
    """Return a segment file as a table. Raises Damaged, OSError."""
    try:
        return read(path)
    except OSError:
        raise
    except FAULTS as error:
        raise Damaged(f"{path.name}: {error}") from error


def times_of(table: Any) -> npt.NDArray[np.int64]:
    """Return the times of a table's events."""
    return np.asarray(table.column(TIME_COLUMN), dtype=np.int64)


def ids_of(table: Any) -> list[str]:
    """Return the ids of a table's events."""
    return [one.hex() for one in table.column(ID_COLUMN).to_pylist()]


def lines(table: Any) -> Iterator[tuple[bytes, Event]]:
    """Yield each event of a table with its canonical JSON."""
    for batch in table.to_batches(max_chunksize=BLOCK):
        for event in decode(pa.Table.from_batches([batch])):
            yield event_line(event), event


def part(table: Any, owners: npt.NDArray[np.uint16], number: int) -> Any:
    """Return the rows that came from one of the merged segments."""
    return table.filter(pa.array(owners == number))


def unpack(packed: bytes, rows: int) -> npt.NDArray[np.uint16]:
    """Return owners from bytes. Raises ValueError when they are not those of so many rows."""
    try:
        raw = zlib.decompressobj().decompress(packed, rows * 2 + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if len(raw) != rows * 2:
        raise ValueError(f"{len(raw)} bytes for {rows} rows")
    return np.frombuffer(raw, dtype="<u2")


def blocks_at(rows: npt.NDArray[np.bool_]) -> list[int]:
    """Return the numbers of the blocks that have one of the chosen rows."""
    return sorted({int(at) // BLOCK for at in np.flatnonzero(rows)})


def blocks_around(table: Any, start: int | None, end: int | None) -> list[int]:
    """Return the numbers of the blocks with events of a time (microseconds), and with their neighbours on both sides.

    Events stand in the order of their times, so the neighbours prove that none of the time is left out.
    """
    times = times_of(table)
    low = 0 if start is None else int(np.searchsorted(times, start))
    high = len(times) if end is None else int(np.searchsorted(times, end))
    return list(range(max(0, low - 1) // BLOCK, min(high, len(times) - 1) // BLOCK + 1))


def opened(block: Any) -> dict[str, Any]:
    """Return how the events of a block lie in the file: with it, and their lines, its hash can be made."""
    columns = sorted(name for name in block.column_names if block.column(name).null_count < block.num_rows)
    shapes: list[Shape] = [[]] * block.num_rows
    if REST in columns:
        shapes = [_shape(entries) for entries in block.column(REST).to_pylist()]
    kinds: dict[str, int] = {}
    places = [kinds.setdefault(repr(shape), len(kinds)) for shape in shapes]
    distinct = dict(zip(places, shapes, strict=True))
    return {"columns": columns, "rest": places, "shapes": [distinct[at] for at in range(len(distinct))]}


def _shape(entries: Sequence[dict[str, str]] | None) -> Shape:
    named = groupby(entries or (), key=lambda entry: entry["n"])
    return [[name, "".join(entry["k"] for entry in group)] for name, group in named]

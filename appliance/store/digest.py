"""The digest of a table's events: what the evidence chain seals of a segment besides its file.

It is made column by column, a block of rows at a time, so that it costs a fraction of what writing the events as text
would; and it says the same of the same rows in whatever file they stand, so that a merge can be proved. The format is
specified in docs/evidence.md, and appliance/evidence/verify.py makes it of JSON, without Arrow.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from appliance.store.shape import REST, split

BLOCK = 256
"""Rows that are hashed together."""
Blocks = Iterator[tuple[int, Iterable[Any]]]
"""Numbers of blocks that have a value in a column, and the bytes that stand for it."""


def digest(table: Any) -> str:
    """Return the digest of a table's rows in their order."""
    return total(table.num_rows, blocks(table))


def total(rows: int, hashes: Iterable[bytes]) -> str:
    """Return the digest of so many rows by the hashes of their blocks."""
    return hashlib.sha256(b"czujka-evidence-events-v2 %d\n" % rows + b"".join(hashes)).hexdigest()


def blocks(table: Any) -> list[bytes]:
    """Return the hash of each block of rows, 32 bytes each."""
    starts = np.arange(0, table.num_rows, BLOCK)
    hashes = [hashlib.sha256() for _ in starts]
    for name in sorted(table.column_names) if len(starts) else ():
        head = name.encode("utf-8") + b"\n"
        for at, parts in _CELLS[split(name)[1] if name != REST else REST](_whole(table.column(name)), starts):
            update = hashes[at].update
            update(head)
            for part in parts:
                update(part)
    return [one.digest() for one in hashes]


def _whole(column: Any) -> Any:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _valid(array: Any, starts: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.bool_], list[int]]:
    """Return which rows have a value, and how many of each block."""
    if not array.null_count:
        return np.ones(len(array), dtype=np.bool_), [1] * len(starts)
    valid = array.is_valid().to_numpy(zero_copy_only=False)
    return valid, np.add.reduceat(valid, starts, dtype=np.int64).tolist()


def _texts(array: Any, starts: npt.NDArray[np.int64]) -> Blocks:
    valid, counts = _valid(array, starts)
    offsets, data = _buffers(array)
    lengths = np.where(valid, np.diff(offsets), np.int32(-1))
    if array.null_count and int(lengths.sum()) + array.null_count != int(offsets[-1] - offsets[0]):
        # What stands behind a missing text is not part of the events.
        offsets, data = _buffers(array.fill_null(""))
    bounds = [*offsets[starts].tolist(), int(offsets[-1])]
    for at, start in enumerate(starts.tolist()):
        if counts[at]:
            yield at, (lengths[start : start + BLOCK], data[bounds[at] : bounds[at + 1]])


def _integers(array: Any, starts: npt.NDArray[np.int64]) -> Blocks:
    valid, counts = _valid(array, starts)
    values = np.frombuffer(array.buffers()[1], dtype="<i8")[array.offset : array.offset + len(array)]
    values = np.where(valid, values, 0) if array.null_count else values
    for at, start in enumerate(starts.tolist()):
        if counts[at]:
            yield at, (valid[start : start + BLOCK], values[start : start + BLOCK])


def _booleans(array: Any, starts: npt.NDArray[np.int64]) -> Blocks:
    valid, counts = _valid(array, starts)
    cells = np.where(valid, array.fill_null(False).to_numpy(zero_copy_only=False), np.uint8(255)).astype(np.uint8)
    for at, start in enumerate(starts.tolist()):
        if counts[at]:
            yield at, (cells[start : start + BLOCK],)


def _ids(array: Any, starts: npt.NDArray[np.int64]) -> Blocks:
    width = array.type.byte_width
    data = memoryview(array.buffers()[1])[array.offset * width : (array.offset + len(array)) * width]
    for at, start in enumerate(starts.tolist()):
        yield at, (data[start * width : (start + BLOCK) * width],)


def _entries(array: Any, starts: npt.NDArray[np.int64]) -> Blocks:
    counts = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False).astype("<i4")
    ends = np.concatenate([[0], np.cumsum(counts)])
    parts = [_buffers(part) for part in pc.list_flatten(array).flatten()]
    sized = [(offsets, np.diff(offsets), data) for offsets, data in parts]
    for at, start in enumerate(starts.tolist()):
        low, high = int(ends[start]), int(ends[min(start + BLOCK, len(array))])
        if low < high:
            cells: list[Any] = [counts[start : start + BLOCK]]
            for offsets, lengths, data in sized:
                cells += [lengths[low:high], data[int(offsets[low]) : int(offsets[high])]]
            yield at, cells


def _buffers(array: Any) -> tuple[npt.NDArray[np.int32], memoryview]:
    """Return where each text begins and the last ends, and the bytes of all."""
    _, offsets, data = array.buffers()
    if offsets is None:
        return np.zeros(len(array) + 1, dtype="<i4"), memoryview(b"")
    return np.frombuffer(offsets, dtype="<i4")[array.offset : array.offset + len(array) + 1], memoryview(data or b"")


_CELLS: dict[str, Callable[[Any, npt.NDArray[np.int64]], Blocks]] = {
    "s": _texts,
    "l": _integers,
    "b": _booleans,
    "id": _ids,
    REST: _entries,
}
__all__ = ["BLOCK", "blocks", "digest", "total"]

"""Which starts of processes bear or name a process: rows of a segment by host, field and value.

A key is hashed: its first bits choose a bucket, the next ones are kept beside the row, so what is found is where to
look, not yet an answer. Layout, little-endian: number of bits of a bucket, the ends of the buckets, then their
entries, 32 bits each: 14 of the hash and 18 of the row.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

NAME = "links"
HOST = "host.name:s"
BEARS = ("process.entity_id:s", "process.pid:l")
NAMES = ("process.parent.entity_id:s", "process.parent.pid:l")
COLUMNS = (*BEARS, *NAMES)
ROW_BITS, MARK_BITS = 18, 14
_IN_BUCKET = 3
"""A bucket has about eight entries."""
_MOST_BUCKETS = 24
_KEY_BITS = 64
_MULTIPLIERS = tuple(np.uint64(one) for one in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
Numbers = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]


def build(table: Any) -> bytes | None:
    """Return the index of a table's starts, None when it has too many rows to number."""
    if table.num_rows > 1 << ROW_BITS:
        return None
    rows = _starts(table)
    keys, places = [np.zeros(0, np.uint64)], [rows[:0]]
    if len(rows):
        chosen = table.select([name for name in (HOST, *COLUMNS) if name in table.column_names]).take(pa.array(rows))
        hosts = _values(chosen.column(HOST))
        for name in chosen.column_names[1:]:
            has = _valid(chosen.column(name))
            keys.append(_keys(hosts, name, _values(chosen.column(name)))[has])
            places.append(rows[has])
    return _packed(np.concatenate(keys), np.concatenate(places))


def _starts(table: Any) -> Rows:
    """Return the rows that are starts and tell of their host."""
    starts = np.zeros(table.num_rows, np.bool_)
    for name in NAMES:
        if name in table.column_names:
            starts |= _valid(table.column(name))
    return np.flatnonzero(starts & _valid(table.column(HOST)) if HOST in table.column_names else starts[:0])


def _valid(column: Any) -> npt.NDArray[np.bool_]:
    return np.asarray(column.is_valid(), np.bool_)


def _packed(keys: Numbers, rows: Rows) -> bytes:
    bits = max(1, len(keys).bit_length() - _IN_BUCKET)
    order = np.argsort(keys, kind="stable")
    keys, rows = keys[order], rows[order]
    ends = np.searchsorted(keys >> np.uint64(_KEY_BITS - bits), np.arange(1 << bits, dtype=np.uint64), side="right")
    entries = (_marks(keys, bits) << np.uint64(ROW_BITS)) | rows.astype(np.uint64)
    return b"".join((np.array([bits], "<u4").tobytes(), ends.astype("<u4").tobytes(), entries.astype("<u4").tobytes()))


def _marks(keys: Numbers, bits: int) -> Numbers:
    marks: Numbers = (keys >> np.uint64(_KEY_BITS - bits - MARK_BITS)) & np.uint64((1 << MARK_BITS) - 1)
    return marks


def look_up(index: bytes, host: str, column: str, value: str | int) -> Rows:
    """Return the rows of starts, in order, that may have a value in one of `COLUMNS` on a host."""
    number = _number(value)
    if number is None or isinstance(value, str) != column.endswith(":s"):
        return np.zeros(0, np.int64)
    bits = int(np.frombuffer(index, "<u4", 1)[0])
    if not 0 < bits <= _MOST_BUCKETS:
        return np.zeros(0, np.int64)
    key = _keys(np.array([_text(host)], np.uint64), column, np.array([number], np.uint64))
    ends = np.frombuffer(index, "<u4", 1 << bits, 4)
    bucket = int(key[0] >> np.uint64(_KEY_BITS - bits))
    low, high = int(ends[bucket - 1]) if bucket else 0, int(ends[bucket])
    entries = np.frombuffer(index, "<u4", high - low, 4 + ends.nbytes + 4 * low)
    found = entries[(entries >> np.uint32(ROW_BITS)) == _marks(key, bits)[0]]
    return np.sort(found & np.uint32((1 << ROW_BITS) - 1)).astype(np.int64)


def _keys(hosts: Numbers, column: str, values: Numbers) -> Numbers:
    """Mix 64-bit numbers so that each bit of a key hangs on all bits of what it is made of."""
    first, second, third = _MULTIPLIERS
    keys = hosts * first + np.uint64(COLUMNS.index(column) + 1)
    for multiplier in (second, third):
        keys = (keys ^ values) * multiplier
        keys ^= keys >> np.uint64(29)
    return keys * first


def _values(column: Any) -> Numbers:
    """Return a number for each value; whatever for null."""
    if not pa.types.is_string(column.type):
        return np.asarray(pc.fill_null(column, 0), np.int64).view(np.uint64)
    coded = column.combine_chunks().dictionary_encode()
    numbers = np.array([_text(one) for one in coded.dictionary.to_pylist()] or [0], np.uint64)
    return numbers[np.asarray(coded.indices.fill_null(0), np.int64)]


def _number(value: str | int) -> int | None:
    if isinstance(value, str):
        return _text(value)
    return value % (1 << _KEY_BITS) if -(1 << 63) <= value < 1 << 63 else None


def _text(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))

"""Stored events a field at a time: its distinct values, and for each event which of them it has.

Segments keep texts as numbers into a dictionary; here these are taken as they are, a column is read when it is first
asked for, and no event is put together before somebody wants it whole.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from appliance.normalise.model import Event, Value
from appliance.store import bounds
from appliance.store.columnar import Coded, Places
from appliance.store.rest import LISTS, PLAIN, WORDS, Rest, distinct, joined
from appliance.store.shape import ARROW, ID_COLUMN, REST, TIME_COLUMN, decode, split


def opened(source: Path | Any) -> Any:
    """Return a segment file whose texts come as numbers into a dictionary; `source` may be a file of Arrow's, open.

    Raises OSError and pa.ArrowException.
    """
    metadata: Any = pq.ParquetFile(source).metadata
    paths = [metadata.schema.column(at).path for at in range(metadata.num_columns)]
    words = [one for one in paths if one.startswith(f"{REST}.") or split(one)[1] == "s"]
    return pq.ParquetFile(source, metadata=metadata, read_dictionary=words)


class RowGroup:
    """One row group of an open segment file; `guard` stands around each reading of it and says what is wrong."""

    def __init__(
        self,
        file: Any,
        number: int,
        columns: frozenset[str],
        guard: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._file, self._number, self._guard = file, number, guard
        self.columns = columns
        self._size = int(file.metadata.row_group(number).num_rows)

    def __len__(self) -> int:
        return self._size

    def read(self, columns: Collection[str]) -> dict[str, list[Any]]:
        """Return the arrays of columns, nulls where the file has none such. Raises what the guard does."""
        there = [column for column in columns if column in self.columns]
        with self._guard():
            table = self._file.read_row_group(self._number, columns=there, use_threads=False)
        nulls = {column: [pa.nulls(len(self), _type(column))] for column in columns if column not in self.columns}
        return nulls | {column: table.column(column).chunks for column in there}


class StoredColumns:
    """The events of some row groups from `start` to before `end`: `Columns` of the embedded store."""

    def __init__(self, groups: Sequence[RowGroup], start: int | None = None, end: int | None = None) -> None:
        self._groups = groups
        self._coded: dict[str, Coded] = {}
        self._arrays: dict[str, Any] = {}
        self._chosen: Places | None = None
        self._size = sum(map(len, groups))
        if start is not None or end is not None:
            self._choose(start, end)

    def _choose(self, start: int | None, end: int | None) -> None:
        times = np.asarray(self._array(TIME_COLUMN), np.int64)
        after = np.full(len(times), fill_value=True) if start is None else times >= start
        chosen = np.flatnonzero(after if end is None else after & (times < end))
        if len(chosen) < len(times):
            self._chosen, self._size = chosen, len(chosen)
            self._arrays.clear()

    def __len__(self) -> int:
        return self._size

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all fields that the events have, and perhaps of some that none has."""
        return frozenset(self._physical) | self._rest.names

    @cached_property
    def _physical(self) -> dict[str, list[str]]:
        """From the name of a field to its columns: more than one when its type in the schema has changed."""
        found: dict[str, list[str]] = {}
        for column in sorted(frozenset[str]().union(*(group.columns for group in self._groups)) - {REST}):
            found.setdefault(split(column)[0], []).append(column)
        return found

    @cached_property
    def _rest(self) -> Rest:
        return Rest(self._array(REST))

    def coded(self, name: str) -> Coded:
        """Return the values of a field. Raises QueryTimeout when the time of the one who asks is up."""
        if name not in self._coded:
            bounds.current().check()
            self._coded[name] = self._of(name)
        return self._coded[name]

    def _of(self, name: str) -> Coded:
        values: list[Value | None] = [None]
        codes = np.zeros(len(self), np.int64)
        for column in self._physical.get(name, ()):
            found, numbers = distinct(self._array(column))
            # No event has a value in two columns.
            codes += np.where(numbers < 0, 0, numbers + len(values)) if len(values) > 1 else numbers + 1
            values += [one.hex() for one in found] if column == ID_COLUMN else found
        for more, places, numbers in self._rest.of(name):
            codes[places] = numbers + len(values)
            values += more
        return Coded(values, codes)

    def texts(self) -> Iterator[tuple[Collection[str], bytes]]:
        """Yield all texts, many at a time, with the names of the fields that they may be of."""
        words = {
            column: name for name, columns in self._physical.items() for column in columns if _type(column) == WORDS
        }
        self._fetch(words)
        for column, name in words.items():
            yield (name,), joined(self._array(column))
        yield self._rest.names, self._rest.joined

    def _array(self, column: str) -> Any:
        if column not in self._arrays:
            self._fetch([column])
        return self._arrays[column]

    def _fetch(self, columns: Collection[str]) -> None:
        """Read columns, which takes less when they are read together."""
        wanted = [column for column in columns if column not in self._arrays]
        tables = [group.read(wanted) for group in self._groups]
        for column in wanted:
            whole = pa.chunked_array([array for table in tables for array in table[column]], _type(column))
            self._arrays[column] = whole if self._chosen is None else _take(whole, self._chosen)

    def events(self, places: Places) -> list[Event]:
        """Return whole events by their places, which are in order."""
        columns = [column for same in self._physical.values() for column in same]
        # Plain texts are read ten times faster than numbers into large dictionaries.
        return decode(pa.table({one: _take(self._array(one), places).cast(_plain(one)) for one in [*columns, REST]}))


def _type(column: str) -> Any:
    if column == REST:
        return LISTS
    kind = split(column)[1]
    return WORDS if kind == "s" else ARROW[kind]


def _plain(column: str) -> Any:
    return PLAIN if column == REST else ARROW[split(column)[1]]


def _take(column: Any, places: Places) -> Any:
    """Return some elements; chunk by chunk, since chunks with dictionaries of their own cannot be joined in lists."""
    parts, start = [], 0
    for array in column.chunks:
        inside = places[np.searchsorted(places, start) : np.searchsorted(places, start + len(array))]
        parts.append(array.take(pa.array(inside - start)))
        start += len(array)
    return pa.chunked_array(parts, column.type)

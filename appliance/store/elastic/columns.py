"""A table of events → documents, a column at a time, the same that `documents.encode` makes of them one by one. Pure.

What a column's type says of all its values is not asked of each: only addresses are looked at, values that a schema
field does not take, and rows with a text that may be too long to be indexed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from appliance.clock import DAY
from appliance.normalise.model import Event
from appliance.search import Kind, columns
from appliance.store.classes import Classes
from appliance.store.elastic.documents import (
    FIRST_DATE,
    LAST_DATE,
    Document,
    Item,
    Parts,
    arrival,
    bounded_arrival,
    decode,
    dump,
    entry_of,
    is_address,
)
from appliance.store.elastic.mapping import BY, ID, LONGEST, TIME, TIMESTAMP, index_name
from appliance.store.shape import ID_COLUMN, REST, TIME_COLUMN, Rows, physical, restore, split
from appliance.store.sorting import by_class

_TAG_BYTES = 16
"""More than what an entry has beside its name and its text."""
_INGESTED = "event.ingested"
Mask = npt.NDArray[np.bool_]


def items_of(prefix: str, rows: Rows, classes: Classes | None, by: str) -> list[Item]:
    """Return events as the documents that are to be written `by` somebody, in their order.

    `prefix` begins their indices' names, which go by day of arrival and class; without `classes` by day alone.
    """
    names: dict[tuple[int, str], str] = {}
    made = []
    for found, source_class in zip(documents_of(rows.table), _classes_of(rows, classes), strict=True):
        told = found.get(_INGESTED)
        # A time beyond 64 bits is an entry.
        arrived = arrival(decode(found)) if told is None else bounded_arrival(told)
        place = arrived // DAY, source_class
        if place not in names:
            names[place] = index_name(prefix, arrived, source_class)
        found[BY] = by
        made.append(Item(names[place], found[ID], found[TIME], dump(found)))
    return made


def _classes_of(rows: Rows, classes: Classes | None) -> list[str]:
    """Return the class of each row, "" where none are told apart."""
    found = np.full(len(rows), "", dtype=object)
    for source_class, taken in by_class(rows, classes) if classes else ():
        found[taken] = source_class
    return list(found)


def documents_of(table: Any) -> list[Document]:
    """Return the documents of a table's events, in their order."""
    times = np.asarray(table.column(TIME_COLUMN), dtype=np.int64)
    ids = table.column(ID_COLUMN).to_pylist()
    rows = zip(_dates(times), times.tolist(), ids, strict=True)
    made = _Table([Parts({TIMESTAMP: date, TIME: time, ID: name.hex()}) for date, time, name in rows])
    for column in table.column_names:
        values = table.column(column)
        if column not in (TIME_COLUMN, ID_COLUMN, REST) and values.null_count < len(values):
            made.fill(column, values)
    if REST in table.column_names:
        made.rest(table.column(REST).combine_chunks())
    return made.documents()


def _dates(times: npt.NDArray[np.int64]) -> list[str]:
    within = np.clip(times, FIRST_DATE, LAST_DATE).astype("datetime64[us]")
    return [f"{date}+00:00" for date in np.datetime_as_string(within, unit="us").tolist()]


@dataclass(slots=True)
class _Table:
    """Documents in the making, a row each, and which rows may have a text that is too long to be indexed."""

    rows: Sequence[Parts]
    doubtful: Mask

    def __init__(self, rows: Sequence[Parts]) -> None:
        self.rows, self.doubtful = rows, np.zeros(len(rows), dtype=np.bool_)

    def fill(self, column: str, values: Any) -> None:
        """Put a column's values where they belong."""
        name, texts = split(column)
        kind = columns().get(name)
        if texts == "s":
            self.doubtful |= _sizes(pc.binary_length(values)) > LONGEST
        surely = kind is not None and physical(name, kind) == column
        for row, value in zip(self.rows, values.to_pylist(), strict=True):
            if value is None:
                continue
            if surely and (kind is not Kind.IP or is_address(value)):
                row.found[name] = value
            else:
                row.put(name, value)

    def rest(self, lists: Any) -> None:
        """Put the entries of each row where they belong."""
        sizes = _sizes(pc.list_value_length(lists))
        ends = np.cumsum(sizes)
        flat = lists.flatten().flatten()
        names, kinds, texts = (part.to_pylist() for part in flat)
        for row, end, size in zip(self.rows, ends.tolist(), sizes.tolist(), strict=True):
            begin = end - size
            for one in _laid(tuple(names[begin:end]), tuple(kinds[begin:end])):
                _put(row, one, texts[begin + one.begin : begin + one.end])
        # Escaping at most doubles a name.
        lengths = 2 * _sizes(pc.binary_length(flat[0])) + _sizes(pc.binary_length(flat[2])) + _TAG_BYTES
        self.doubtful[np.repeat(np.arange(len(sizes)), sizes)[lengths > LONGEST]] = True

    def documents(self) -> list[Document]:
        """Return the documents."""
        return [row.whole(look=doubt) for row, doubt in zip(self.rows, self.doubtful.tolist(), strict=True)]


@dataclass(frozen=True, slots=True)
class _Value:
    """Where the texts of a value lie among a row's: a list as it is, or entries that begin so, or neither for sure."""

    name: str
    kinds: Sequence[str]
    begin: int
    end: int
    is_list: bool
    starts: Sequence[str]


@lru_cache(4096)
def _laid(names: Sequence[str], kinds: Sequence[str]) -> list[_Value]:
    """Return how values lie in the entries of a row with these names and kinds."""
    made = []
    for name, group in groupby(range(len(names)), key=lambda at: names[at]):
        at = list(group)
        begin, end = at[0], at[-1] + 1
        ours, kind = kinds[begin:end], columns().get(name)
        texts = kind in (Kind.KEYWORD, Kind.WILDCARD, Kind.TEXT) and set(ours) == {"S"}
        starts = [entry_of(name, one, "") for one in ours] if kind is None else []
        made.append(_Value(name, ours, begin, end, texts, starts))
    return made


def _put(row: Parts, one: _Value, texts: list[str]) -> None:
    if one.is_list:
        row.found[one.name] = texts
    elif one.starts:
        row.names.add(one.name)
        row.entries += map(add, one.starts, texts)
    else:
        event: Event = {}
        restore(event, [{"n": one.name, "k": kind, "v": text} for kind, text in zip(one.kinds, texts, strict=True)])
        row.put(one.name, event[one.name])


def _sizes(values: Any) -> npt.NDArray[np.int64]:
    return np.asarray(pc.fill_null(values, 0), dtype=np.int64)

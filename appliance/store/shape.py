"""Events ↔ Arrow tables, without loss.

A field of the schema has a column of its own, named `<field>:<physical>`; the physical type is part of the name, so
that a change of the schema never mixes types. Everything else (other fields, lists, values of another type) goes to
`rest`, a list of (name, kind, text), one entry an element. Kinds: s text, i integer, f float, b boolean; a capital
marks an element of a list, E an empty list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from appliance.normalise.model import Event, Scalar, Value
from appliance.search import Kind, columns

TIME = "@timestamp"
ID = "event.id"
TIME_COLUMN, ID_COLUMN, REST = "@timestamp:l", "event.id:id", "rest"
_ENTRY = pa.struct([("n", pa.string()), ("k", pa.string()), ("v", pa.string())])
ARROW: Mapping[str, Any] = {"s": pa.string(), "l": pa.int64(), "b": pa.bool_(), "id": pa.binary(16)}
_PHYSICAL = {Kind.LONG: "l", Kind.DATE: "l", Kind.BOOLEAN: "b"}
_TYPES: Mapping[str, type] = {"s": str, "l": int, "b": bool}
_IDENTITY = re.compile(r"[0-9a-f]{32}")
_SURROGATES = re.compile("[\ud800-\udfff]")
_APART, _ID_BYTES = frozenset({ID, TIME}), 16
_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Rows:
    """Events as a table, one row each. `rest_names` are the names that may occur in `rest`."""

    table: Any
    rest_names: frozenset[str]

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @property
    def columns(self) -> list[str]:
        """Physical names of the columns that are there."""
        return [name for name in self.table.column_names if name != REST]

    @property
    def times(self) -> npt.NDArray[np.int64]:
        """The times of the events, in microseconds."""
        return np.asarray(self.table.column(TIME_COLUMN), dtype=np.int64)

    @property
    def ids(self) -> bytes:
        """The ids of the events, 16 bytes each."""
        return b"".join(map(_packed, self.table.column(ID_COLUMN).chunks))

    @property
    def names(self) -> list[bytes]:
        """The ids of the events, each by itself."""
        return list(self.table.column(ID_COLUMN).to_pylist())

    def newest(self, field: str) -> dict[str, int]:
        """Return the time of the newest event for each value of a text field; "" stands for none."""
        column = f"{field}:s"
        if column not in self.table.column_names:
            return {"": int(self.times.max())}
        newest = self.table.group_by(column).aggregate([(TIME_COLUMN, "max")]).to_pylist()
        return {row[column] or "": row[f"{TIME_COLUMN}_max"] for row in newest}

    def where(self, chosen: npt.NDArray[np.bool_]) -> Rows:
        """Return some of the rows, in their order."""
        return self if chosen.all() else Rows(self.table.filter(pa.array(chosen)), self.rest_names)

    def ordered(self) -> Rows:
        """Return them sorted by time and id."""
        table = self.table.sort_by([(TIME_COLUMN, "ascending"), (ID_COLUMN, "ascending")])
        return Rows(table, self.rest_names)


def join(parts: Sequence[Rows]) -> Rows:
    """Return several tables as one, in their order."""
    if len(parts) == 1:
        return parts[0]
    table = pa.concat_tables([part.table for part in parts] or [NO_ROWS.table], promote_options="default")
    return Rows(table.combine_chunks(), frozenset[str]().union(*(part.rest_names for part in parts)))


def _packed(array: Any) -> bytes:
    # The values of a fixed width lie side by side in the last buffer.
    start = array.offset * _ID_BYTES
    return bytes(memoryview(array.buffers()[-1])[start : start + len(array) * _ID_BYTES])


def physical(name: str, kind: Kind) -> str:
    """Return the column name of a schema field."""
    return ID_COLUMN if name == ID else f"{name}:{_PHYSICAL.get(kind, 's')}"


def split(column: str) -> tuple[str, str]:
    """Return field name and physical type of a column name."""
    name, _, kind = column.rpartition(":")
    return name, kind


def identity(event: Event) -> str:
    """Return the id of an event. Raises ValueError when it is not 32 hex digits: the normaliser's contract."""
    value = event[ID]
    if not isinstance(value, str) or not _IDENTITY.fullmatch(value):
        raise ValueError(f"event.id is not 32 hex digits: {value!r}")
    return value


def moment(event: Event) -> int:
    """Return the time of an event. Raises ValueError when it is not a 64-bit integer: the normaliser's contract."""
    value = event[TIME]
    if type(value) is not int or not _LOWEST <= value <= _HIGHEST:
        raise ValueError(f"@timestamp is not in microseconds: {value!r}")
    return value


def encode(events: Sequence[Event]) -> Rows:
    """Return events as rows, in their order. Lone surrogates become U+FFFD, as on the wire.

    Raises ValueError for an id or a time that breaks the normaliser's contract.
    """
    size, places = len(events), _places()
    cells: dict[str, list[Any]] = {TIME_COLUMN: list(map(moment, events))}
    rest = _Rest()
    # Event by event, not name by name: the values of one event lie near each other.
    for row, event in enumerate(events):
        for name, value in event.items():
            place = places.get(name)
            if place is None:
                if name not in _APART:
                    rest.put(name, value)
                continue
            kind = type(value)
            if kind is not place[1] or (kind is int and not _LOWEST <= value <= _HIGHEST):  # type: ignore[operator]
                rest.put(name, value)
                continue
            column = cells.get(place[0])
            if column is None:
                column = cells[place[0]] = [None] * size
            column[row] = value
        rest.end()
    return _rows(cells, rest, list(map(identity, events)))


class _Rest:
    """The entries of `rest`, one list a part, and where each event's begin."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._kinds: list[str] = []
        self._texts: list[str] = []
        self._begins: list[int | None] = []
        self._begin = 0

    def put(self, name: str, value: Value) -> None:
        """Add a value of the event at hand."""
        for kind, text in (("s", value),) if type(value) is str else _entries(value):
            self.names.append(name)
            self._kinds.append(kind)
            self._texts.append(text)

    def end(self) -> None:
        """The next value is the next event's."""
        here = len(self.names)
        self._begins.append(None if here == self._begin else self._begin)
        self._begin = here

    def array(self) -> Any:
        """Return all entries as a column of lists."""
        texts = (_array(part, pa.string()) for part in (self.names, self._kinds, self._texts))
        entries = pa.StructArray.from_arrays(list(texts), fields=list(_ENTRY))
        return pa.ListArray.from_arrays(pa.array([*self._begins, self._begin], pa.int32()), entries)


def _places() -> dict[str, tuple[str, type]]:
    found: dict[str, tuple[str, type]] = {}
    for name, kind in columns().items():
        column = physical(name, kind)
        if name not in _APART:
            found[name] = (column, _TYPES[split(column)[1]])
    return found


def _rows(cells: dict[str, list[Any]], rest: _Rest, ids: list[str]) -> Rows:
    arrays: dict[str, Any] = {TIME_COLUMN: pa.array(cells.pop(TIME_COLUMN), pa.int64())}
    arrays[ID_COLUMN] = pa.array([bytes.fromhex(one) for one in ids], ARROW["id"])
    for column in sorted(cells):
        arrays[column] = _array(cells[column], ARROW[split(column)[1]])
    names = frozenset(map(_clean, frozenset(rest.names)))
    if names:
        arrays[REST] = rest.array()
    return Rows(pa.table(arrays), names)


NO_ROWS = Rows(pa.table({TIME_COLUMN: pa.array([], pa.int64()), ID_COLUMN: pa.array([], ARROW["id"])}), frozenset())
"""No events."""


def _array(values: list[Any], kind: Any) -> Any:
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:
        return pa.array([_clean(value) if value is not None else None for value in values], kind)


def _clean(text: str) -> str:
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def _entries(value: Value) -> list[tuple[str, str]]:
    if not isinstance(value, tuple):
        return [_scalar(value)]
    if not value:
        return [("E", "")]
    return [(kind.upper(), text) for kind, text in map(_scalar, value)]


def _scalar(value: Scalar) -> tuple[str, str]:
    if isinstance(value, str):
        return "s", value
    if isinstance(value, bool):
        return "b", "true" if value else "false"
    return ("i" if isinstance(value, int) else "f"), repr(value)


def decode(table: Any) -> list[Event]:
    """Return the events of a table that `encode` made, or of any part or union of such."""
    events: list[Event] = [{} for _ in range(table.num_rows)]
    for column in table.column_names:
        values = table.column(column)
        # Column by column, since most columns of a union of segments are empty.
        if values.null_count < len(values):
            _fill(events, column, values.to_pylist())
    return events


def _fill(events: Sequence[Event], column: str, values: Sequence[Any]) -> None:
    name = split(column)[0]
    for event, value in zip(events, values, strict=True):
        if value is None:
            continue
        if column == REST:
            _restore(event, value)
        else:
            event[name] = value.hex() if column == ID_COLUMN else value


def _restore(event: Event, entries: list[dict[str, str]]) -> None:
    for entry in entries:
        name, kind = entry["n"], entry["k"]
        if kind == "E":
            event[name] = ()
        elif kind.islower():
            event[name] = scalar(kind, entry["v"])
        else:
            before = event.get(name, ())
            assert isinstance(before, tuple)
            event[name] = (*before, scalar(kind.lower(), entry["v"]))


def scalar(kind: str, text: str) -> Scalar:
    """Return the value that an entry of `rest` keeps."""
    match kind:
        case "i":
            return int(text)
        case "f":
            return float(text)
        case "b":
            return text == "true"
    return text

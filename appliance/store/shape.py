"""Events ↔ Arrow tables, without loss.

A field of the schema has a column of its own, named `<field>:<physical>`; the physical type is part of the name, so
that a change of the schema never mixes types. Everything else (other fields, lists, values of another type) goes to
`rest`, a list of (name, kind, text), one entry an element. Kinds: s text, i integer, f float, b boolean; a capital
marks an element of a list, E an empty list.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial
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
_LAYOUTS = 2048
# Arrow's own allocator is no faster here, and keeps 40 to 70 MB more of what work on many events has freed.
pa.set_memory_pool(pa.system_memory_pool())
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
    cells = _Cells(len(events))
    # Event by event, not name by name: the values of one event lie near each other.
    for row, event in enumerate(events):
        cells.put(row, event)
    return _rows(list(map(moment, events)), list(map(identity, events)), cells)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the values of events go that have the same names and types, by their place among an event's values."""

    columns: Sequence[tuple[int, str]]
    numbers: Sequence[tuple[int, str, str]]
    """Place, column and name: a number may be too large for its column."""
    texts: Sequence[int]
    names: Sequence[str]
    """Texts that go to `rest`, and their names."""
    others: Sequence[tuple[int, str]]
    """Whatever else goes to `rest`, with its name."""


@lru_cache(maxsize=_LAYOUTS)
def _layout(shape: tuple[Any, ...]) -> _Layout:
    """Return the layout of events with these names, followed by the types of their values."""
    size, places = len(shape) // 2, _places()
    columns: list[tuple[int, str]] = []
    numbers: list[tuple[int, str, str]] = []
    texts: list[tuple[int, str]] = []
    others: list[tuple[int, str]] = []
    for at, (name, kind) in enumerate(zip(shape[:size], shape[size:], strict=True)):
        column, wanted = places.get(name, ("", None))
        if name in _APART:
            continue
        if kind is not wanted:
            (texts if kind is str else others).append((at, name))
        elif kind is int:
            numbers.append((at, column, name))
        else:
            columns.append((at, column))
    return _Layout(columns, numbers, [at for at, _ in texts], [name for _, name in texts], others)


class _Cells:
    """Columns of values to be, and the entries of `rest`: one list a part, and where each event's begin."""

    def __init__(self, size: int) -> None:
        self.columns: dict[str, list[Any]] = defaultdict(partial(list, [None] * size))
        self.names: list[str] = []
        self._kinds: list[str] = []
        self._texts: list[str] = []
        self._begins: list[int | None] = []

    def put(self, row: int, event: Event) -> None:
        """Add an event; rows come in order."""
        begin, columns = len(self.names), self.columns
        values = tuple(event.values())
        layout = _layout((*event, *map(type, values)))
        for at, column in layout.columns:
            columns[column][row] = values[at]
        for at, column, name in layout.numbers:
            number = values[at]
            if _LOWEST <= number <= _HIGHEST:  # type: ignore[operator]
                columns[column][row] = number
            else:
                self._put(name, number)
        self.names += layout.names
        self._kinds += ["s"] * len(layout.names)
        self._texts += [values[at] for at in layout.texts]  # type: ignore[misc]
        for at, name in layout.others:
            self._put(name, values[at])
        self._begins.append(None if len(self.names) == begin else begin)

    def _put(self, name: str, value: Value) -> None:
        for kind, text in _entries(value):
            self.names.append(name)
            self._kinds.append(kind)
            self._texts.append(text)

    def rest(self) -> Any:
        """Return all entries as a column of lists."""
        texts = (_array(part, pa.string()) for part in (self.names, self._kinds, self._texts))
        entries = pa.StructArray.from_arrays(list(texts), fields=list(_ENTRY))
        return pa.ListArray.from_arrays(pa.array([*self._begins, len(self.names)], pa.int32()), entries)


@cache
def _places() -> Mapping[str, tuple[str, type]]:
    """Return the column of each field of the schema, and the type of its values."""
    places = {name: physical(name, kind) for name, kind in columns().items() if name not in _APART}
    return {name: (column, _TYPES[split(column)[1]]) for name, column in places.items()}


def _rows(times: list[int], ids: list[str], cells: _Cells) -> Rows:
    arrays: dict[str, Any] = {TIME_COLUMN: pa.array(times, pa.int64())}
    arrays[ID_COLUMN] = pa.array(list(map(bytes.fromhex, ids)), ARROW["id"])
    for column in sorted(cells.columns):
        arrays[column] = _array(cells.columns[column], ARROW[split(column)[1]])
    names = frozenset(map(_clean, frozenset(cells.names)))
    if names:
        arrays[REST] = cells.rest()
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
            restore(event, value)
        else:
            event[name] = value.hex() if column == ID_COLUMN else value


def restore(event: Event, entries: Sequence[Mapping[str, str]]) -> None:
    """Put what entries of `rest` keep into an event."""
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

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
_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Rows:
    """Events as a table sorted by time and id, with what the manifest says about it."""

    table: Any
    rest_names: frozenset[str]

    @property
    def columns(self) -> list[str]:
        """Physical names of the columns that are there."""
        return [name for name in self.table.column_names if name != REST]


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
    """Return events as rows, sorted. Lone surrogates become U+FFFD, as on the wire."""
    events = sorted(events, key=lambda event: (moment(event), identity(event)))
    size = len(events)
    cells: dict[str, list[Any]] = {}
    rest: list[list[dict[str, str]] | None] = [None] * size
    places = _places()
    for row, event in enumerate(events):
        for name, value in event.items():
            if name == ID:
                continue
            place = places.get(name)
            if place is None or type(value) is not place[1] or not _fits(value):
                entries = rest[row]
                if entries is None:
                    entries = rest[row] = []
                entries.extend(_entries(_clean(name), value))
                continue
            column = cells.get(place[0])
            if column is None:
                column = cells[place[0]] = [None] * size
            column[row] = value
    return _rows(cells, rest, [identity(event) for event in events])


def _places() -> dict[str, tuple[str, type]]:
    found: dict[str, tuple[str, type]] = {}
    for name, kind in columns().items():
        column = physical(name, kind)
        if name != ID:
            found[name] = (column, _TYPES[split(column)[1]])
    found[TIME] = (TIME_COLUMN, int)
    return found


def _fits(value: Value) -> bool:
    return type(value) is not int or _LOWEST <= value <= _HIGHEST


def _rows(cells: dict[str, list[Any]], rest: list[list[dict[str, str]] | None], ids: list[str]) -> Rows:
    arrays: dict[str, Any] = {TIME_COLUMN: pa.array(cells.pop(TIME_COLUMN), pa.int64())}
    arrays[ID_COLUMN] = pa.array([bytes.fromhex(one) for one in ids], ARROW["id"])
    for column in sorted(cells):
        arrays[column] = _array(cells[column], ARROW[split(column)[1]])
    names = frozenset(entry["n"] for entries in rest if entries for entry in entries)
    if names:
        arrays[REST] = pa.array(rest, pa.list_(_ENTRY))
    return Rows(pa.table(arrays), names)


def _array(values: list[Any], kind: Any) -> Any:
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:
        return pa.array([_clean(value) if value is not None else None for value in values], kind)


def _clean(text: str) -> str:
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def _entries(name: str, value: Value) -> list[dict[str, str]]:
    if not isinstance(value, tuple):
        kind, text = _scalar(value)
        return [{"n": name, "k": kind, "v": text}]
    if not value:
        return [{"n": name, "k": "E", "v": ""}]
    return [{"n": name, "k": kind.upper(), "v": text} for kind, text in map(_scalar, value)]


def _scalar(value: Scalar) -> tuple[str, str]:
    if isinstance(value, str):
        return "s", _clean(value)
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

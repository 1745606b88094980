"""Events as a Parquet file, written row group by row group: a typed column a field, and nothing lost."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from appliance.search import Kind, columns
from appliance.web.jsonlines import json_of

ROWS = 5_000
"""Events of a row group, which is what is held in memory."""
OTHER = "other"
"""Column of JSON objects: values that do not fit their column (lists, other types), and fields without one."""
_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1


def parquet(events: Iterable[Mapping[str, Any]], fields: Sequence[str] = ()) -> Iterator[bytes]:
    """Yield a file of these fields; of every field, those outside the schema in `other`, when none are named."""
    import pyarrow as pa  # noqa: PLC0415 - a tenth of a second, for files alone
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    names = tuple(dict.fromkeys(name for name in fields or columns() if name != OTHER))
    schema = pa.schema([*((name, _type(pa, name)) for name in names), (OTHER, pa.string())])
    sink = _Sink()
    waiting = iter(events)
    with pq.ParquetWriter(pa.PythonFile(sink, "w"), schema, compression="zstd") as writer:
        while part := list(islice(waiting, ROWS)):
            cells, others = _cells(part, names, every=not fields)
            arrays = [pa.array(cells[name], schema.field(name).type) for name in names]
            writer.write_table(pa.Table.from_arrays([*arrays, pa.array(others, pa.string())], schema=schema))
            yield from sink.taken()
    yield from sink.taken()


class _Sink(io.RawIOBase):
    """A file that is read away while it is written."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, part: Any) -> int:
        self._parts.append(bytes(part))
        return len(part)

    def taken(self) -> list[bytes]:
        parts, self._parts = self._parts, []
        return parts


def _type(pa: Any, name: str) -> Any:
    kinds = {Kind.LONG: pa.int64(), Kind.DATE: pa.timestamp("us", "UTC"), Kind.BOOLEAN: pa.bool_()}
    return kinds.get(columns().get(name, Kind.KEYWORD), pa.string())


def _cells(
    events: Sequence[Mapping[str, Any]], names: Sequence[str], *, every: bool
) -> tuple[dict[str, list[Any]], list[str | None]]:
    kinds = {name: _python(columns().get(name, Kind.KEYWORD)) for name in names}
    cells: dict[str, list[Any]] = {name: [] for name in names}
    others: list[str | None] = []
    for event in events:
        other: dict[str, Any] = {}
        for name in names:
            value = event.get(name)
            fits = value is None or (type(value) is kinds[name] and (kinds[name] is not int or _within(value)))
            cells[name].append(value if fits else None)
            if not fits:
                other[name] = value
        other |= {name: value for name, value in event.items() if every and name not in cells}
        others.append(json_of(other).decode() if other else None)
    return cells, others


def _python(kind: Kind) -> type:
    return {Kind.LONG: int, Kind.DATE: int, Kind.BOOLEAN: bool}.get(kind, str)


def _within(value: Any) -> bool:
    return bool(_LOWEST <= value <= _HIGHEST)

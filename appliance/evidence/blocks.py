"""The hash of a block of events made of their JSON, as appliance/store/digest.py makes it of a segment's columns.

Part of the standalone verifier (appliance/evidence/standalone.py): the standard library of Python 3.9, nothing else.
docs/evidence.md specifies the format.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterable
from typing import Any

WRONG = (ValueError, LookupError, TypeError, AttributeError, StopIteration, RecursionError, struct.error)
"""What values of another form than expected raise."""


_KINDS = {str: "s", int: "l", bool: "b"}
_TYPES = {"s": str, "i": int, "f": float, "b": bool}
_NOT_FINITE = ("nan", "inf", "-inf")


def _texts(cells: list[Any]) -> bytes:
    coded = [b"" if cell is None else cell.encode("utf-8") for cell in cells]
    sizes = [-1 if cell is None else len(text) for cell, text in zip(cells, coded)]  # noqa: B905 - 3.9
    return struct.pack(f"<{len(cells)}i", *sizes) + b"".join(coded)


def _integers(cells: list[Any]) -> bytes:
    return bytes(cell is not None for cell in cells) + struct.pack(f"<{len(cells)}q", *(cell or 0 for cell in cells))


def _ids(cells: list[Any]) -> bytes:
    found = [bytes.fromhex(cell) for cell in cells]
    if any(len(one) != 16 or one.hex() != cell for one, cell in zip(found, cells)):  # noqa: B905 - 3.9
        raise ValueError("event.id")
    return b"".join(found)


_CELLS: dict[str, Callable[[list[Any]], bytes]] = {
    "s": _texts,
    "l": _integers,
    "b": lambda cells: bytes(255 if cell is None else cell for cell in cells),
    "id": _ids,
}


def _entries(name: str, kinds: str, value: Any) -> list[tuple[str, str, str]]:
    """Return the entries of a value that stands in no column; capital kinds are those of a list's elements."""
    values = [""] if kinds == "E" and value == [] else value if kinds.isupper() else [value]
    if len(kinds) != len(values):
        raise ValueError(name)
    return [(name, kind, _text(kind.lower(), one)) for kind, one in zip(kinds, values)]  # noqa: B905 - 3.9


def _text(kind: str, value: Any) -> str:
    if kind == "e" or (kind == "f" and value in _NOT_FINITE):
        return str(value)
    if type(value) is not _TYPES[kind]:
        raise ValueError(kind)
    return str(value).lower() if kind == "b" else value if isinstance(value, str) else repr(value)


def _rest(shapes: list[Any], events: list[dict[str, Any]]) -> bytes:
    rows = [
        [entry for name, kinds in shape for entry in _entries(name, kinds, event[name])]
        for shape, event in zip(shapes, events)  # noqa: B905 - 3.9
    ]
    entries = [entry for row in rows for entry in row]
    counts = struct.pack(f"<{len(rows)}i", *map(len, rows))
    return counts + b"".join(_texts([entry[at] for entry in entries]) for at in range(3))


def block_hash(block: dict[str, Any], events: list[dict[str, Any]]) -> bytes:
    """Return the hash of a block of events; `block` says how they lie in the file. Raises WRONG.

    Every value of every event must have its place, or something could be put into an event unseen.
    """
    shapes = [block["shapes"][at] for at in block["rest"]]
    columns: dict[str, list[Any]] = {name: [None] * len(events) for name in block["columns"]}
    for row, (shape, event) in enumerate(zip(shapes, events)):  # noqa: B905 - 3.9
        for name in event.keys() - {name for name, _ in shape}:
            kind = "id" if name == "event.id" else _KINDS[type(event[name])]
            columns[f"{name}:{kind}"][row] = event[name]
    found = hashlib.sha256()
    for column, cells in sorted(columns.items()):
        kind = column.rpartition(":")[2]
        found.update(
            column.encode("utf-8") + b"\n" + (_rest(shapes, events) if column == "rest" else _CELLS[kind](cells))
        )
    return found.digest()


def events_digest(rows: int, blocks: Iterable[bytes]) -> str:
    """Return the digest of a segment's events, in their order of time and id, by the hashes of its blocks."""
    return hashlib.sha256(b"czujka-evidence-events-v2 %d\n" % rows + b"".join(blocks)).hexdigest()

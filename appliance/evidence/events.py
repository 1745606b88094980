"""The events of a segment file as leaves, and their digest.

A leaf is the SHA-256 of an event's canonical JSON; leaves stand in the order of time and id, which is the order of the
file. Merging segments keeps every leaf and changes only which file it stands in.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from appliance.evidence.plain import event_line
from appliance.evidence.verify import blocks_of, events_digest
from appliance.normalise.model import Event
from appliance.store.shape import ID_COLUMN, REST, decode

BATCH = 1024
"""Events in memory at a time: few, so that they are still in the cache when they are hashed."""
ID, LEAF = 16, 32
_FLOATS = pa.array(["f", "F"])


class Known:
    """Leaves that were made before, by the ids of their events: what is merged is not read again."""

    def __init__(self, kept: Sequence[bytes]) -> None:
        parts = [kept_parts(one) for one in kept]
        ids = np.frombuffer(b"".join(ids for ids, _ in parts), dtype=np.uint64).reshape(-1, 2)
        leaves = np.frombuffer(b"".join(leaves for _, leaves in parts), dtype=np.uint8).reshape(-1, LEAF)
        order = np.argsort(ids[:, 0], kind="stable")
        self._ids, self._leaves = ids[order], leaves[order]

    def fill(self, ids: bytes, leaves: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
        """Put the leaves that are known into their rows; return which rows have theirs."""
        wanted = np.frombuffer(ids, dtype=np.uint64).reshape(-1, 2)
        if not len(self._ids) or not len(wanted):
            return np.zeros(len(wanted), dtype=np.bool_)
        # Of ids with an equal first half the first is looked at; for another the leaf is simply made again.
        at = np.minimum(np.searchsorted(self._ids[:, 0], wanted[:, 0]), len(self._ids) - 1)
        same: npt.NDArray[np.bool_] = (self._ids[at] == wanted).all(axis=1)
        leaves[same] = self._leaves[at[same]]
        return same


@dataclass(frozen=True, slots=True)
class Sealed:
    """What is sealed of a segment file: its digest and size, its events' ids and leaves."""

    sha256: str
    size: int
    ids: bytes
    leaves: bytes

    @property
    def kept(self) -> bytes:
        """Ids and leaves, for `Known`."""
        return self.ids + self.leaves

    @property
    def rows(self) -> int:
        """How many events."""
        return len(self.leaves) // LEAF

    @property
    def events(self) -> str:
        """The digest of the events."""
        return digest_of(self.leaves)


class Damaged(ValueError):
    """The file is not a segment that can be read."""


def digest_of(leaves: bytes) -> str:
    """Return the digest of events by their leaves."""
    return events_digest(len(leaves) // LEAF, blocks_of(leaves))


def kept_parts(kept: bytes) -> tuple[bytes, bytes]:
    """Return ids and leaves from what `Sealed.kept` gave."""
    rows = len(kept) // (ID + LEAF)
    return kept[: rows * ID], kept[rows * ID :]


def read(path: Path, known: Known | None = None) -> Sealed:
    """Read a segment file; events that are known are not read again.

    Raises FileNotFoundError when it is gone, Damaged, OSError.
    """
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
        file.seek(0)
        try:
            with pq.ParquetFile(file) as parquet:
                ids, leaves = _leaves(parquet, known or Known([]))
        except (pa.ArrowException, ValueError, KeyError) as error:
            raise Damaged(f"{path.name}: {error}") from error
        return Sealed(sha256, size, ids, leaves)


def _leaves(parquet: Any, known: Known) -> tuple[bytes, bytes]:
    ids = b"".join(b"".join(one.column(0).to_pylist()) for one in _batches(parquet, [ID_COLUMN]))
    leaves = np.zeros((len(ids) // ID, LEAF), dtype=np.uint8)
    missing = ~known.fill(ids, leaves)
    at = 0
    for table in _batches(parquet) if missing.any() else ():
        rows = np.flatnonzero(missing[at : at + table.num_rows])
        if len(rows):
            made = b"".join(hashlib.sha256(line).digest() for line, _ in _written(table.take(rows)))
            leaves[at + rows] = np.frombuffer(made, dtype=np.uint8).reshape(-1, LEAF)
        at += table.num_rows
    return ids, leaves.tobytes()


def lines(path: Path) -> Iterator[tuple[bytes, Event]]:
    """Yield each event of a segment file with its canonical JSON. Raises Damaged, OSError."""
    with path.open("rb") as file:
        try:
            with pq.ParquetFile(file) as parquet:
                for table in _batches(parquet):
                    yield from _written(table)
        except (pa.ArrowException, ValueError, KeyError) as error:
            raise Damaged(f"{path.name}: {error}") from error


def _batches(parquet: Any, columns: list[str] | None = None) -> Iterator[Any]:
    for batch in parquet.iter_batches(batch_size=BATCH, columns=columns, use_threads=False):
        yield pa.Table.from_batches([batch])


def _written(table: Any) -> Iterator[tuple[bytes, Event]]:
    quick = not _has_floats(table)
    for event in decode(table):
        yield (_quick_line(event) if quick else event_line(event)), event


def _has_floats(table: pa.Table) -> bool:
    """Floats are written by Python alone: only `rest` can have them."""
    if REST not in table.column_names:
        return False
    kinds = pc.struct_field(pc.list_flatten(table.column(REST)), "k")
    return bool(pc.any(pc.is_in(kinds, _FLOATS)).as_py())


def _quick_line(event: Event) -> bytes:
    """Write as `event_line` does, for events without floats."""
    try:
        return orjson.dumps(event, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        # An integer beyond 64 bits.
        return event_line(event)


def members(olds: Sequence[bytes], new: bytes) -> npt.NDArray[np.uint16]:
    """Return for each leaf of `new` from which of the `olds` it came, counted from 1, or 0 for none of them."""
    found = np.zeros(len(new) // LEAF, dtype=np.uint16)
    if not any(olds):
        return found
    keys = np.concatenate([_keys(old) for old in olds])
    owners = np.repeat(np.arange(1, len(olds) + 1, dtype=np.uint16), [len(old) // LEAF for old in olds])
    order = np.argsort(keys, kind="stable")
    keys, owners = keys[order], owners[order]
    wanted = _keys(new)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    same = keys[at] == wanted
    found[same] = owners[at[same]]
    return found


def part(new: bytes, owners: npt.NDArray[np.uint16], number: int) -> bytes:
    """Return the leaves of `new` that came from one of the merged segments."""
    table = np.frombuffer(new, dtype=np.uint8).reshape(-1, LEAF)
    found: bytes = table[owners == number].tobytes()
    return found


def pack(owners: npt.NDArray[np.uint16]) -> bytes:
    """Return owners as bytes: little-endian numbers of 16 bits, deflated."""
    return zlib.compress(owners.astype("<u2").tobytes(), 6)


def unpack(packed: bytes, rows: int) -> npt.NDArray[np.uint16]:
    """Return owners from bytes. Raises ValueError when they are not those of so many rows."""
    try:
        raw = zlib.decompressobj().decompress(packed, rows * 2 + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if len(raw) != rows * 2:
        raise ValueError(f"{len(raw)} bytes for {rows} rows")
    return np.frombuffer(raw, dtype="<u2")


def _keys(leaves: bytes) -> npt.NDArray[np.uint64]:
    # Eight bytes tell leaves apart well enough to find them; the digest of what is found decides.
    return np.frombuffer(leaves, dtype=np.uint64).reshape(-1, LEAF // 8)[:, 0]

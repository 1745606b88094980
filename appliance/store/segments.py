"""Segment files: written whole or not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from appliance.store import appendix, links, words
from appliance.store.appendix import Place
from appliance.store.grams import sketch
from appliance.store.model import StoreUnavailable
from appliance.store.shape import ID_COLUMN, REST, TIME_COLUMN, split

ROW_GROUP = 16_384
SKETCH = b"czujka.pieces"
"""Key of the footer's metadata under which appliance/store/grams.py is kept."""
SUFFIX, TEMPORARY = ".parquet", ".tmp"
_LEVEL, _LARGE_LEVEL = 3, 9
_RARE = 0.5
"""Share of different texts above which a dictionary only takes room."""
Probe = Callable[[str], None]
"""Called with the name of each step of a write; tests stop the process there."""


def quiet(_step: str) -> None:
    """Do nothing at a step."""


class _Hashing:
    """A file that is written from its beginning to its end, and hashed on the way."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.sha256, self.size, self.closed = hashlib.sha256(), 0, False

    def write(self, content: Any) -> int:
        """Write and hash."""
        self.sha256.update(content)
        done = self._file.write(content)
        self.size += done
        return done

    def flush(self) -> None:
        """Hand on what is buffered."""
        self._file.flush()

    def tell(self) -> int:
        """Return where the file ends."""
        return self.size

    def writable(self) -> bool:
        """Return that it can be written."""
        return True

    def close(self) -> None:
        """Leave the file to the one who opened it."""
        self.closed = True


def write(folder: Path, name: str, table: Any, probe: Probe = quiet) -> tuple[int, str]:
    """Write a table as a segment file and return its size in bytes and its SHA-256, as it was meant to be written.

    On return the file and its name are on disk. Raises StoreUnavailable and leaves nothing behind.
    """
    path, temporary = folder / name, folder / (name + TEMPORARY)
    try:
        with temporary.open("wb") as file:
            probe("opened")
            hashing = _Hashing(file)
            _write(table, hashing)
            file.flush()
            probe("written")
            os.fsync(file.fileno())
        probe("synced")
        temporary.rename(path)
        probe("renamed")
        sync_folder(folder)
        return hashing.size, hashing.sha256.hexdigest()
    except (OSError, pa.ArrowException) as error:
        for leftover in (temporary, path):
            with suppress(OSError):
                leftover.unlink()
        raise StoreUnavailable(f"segment {name}: {error}") from error


def _write(table: Any, file: Any) -> None:
    with pq.ParquetWriter(file, table.schema, **_options(table)) as writer:
        writer.write_table(table, row_group_size=ROW_GROUP)
        # Small segments are soon merged into larger ones.
        if table.num_rows >= ROW_GROUP:
            kept: Any = {SKETCH: sketch(table, ROW_GROUP), appendix.KEY: appendix.append(file, _indexes(table))}
            writer.add_key_value_metadata(kept)


def _indexes(table: Any) -> dict[str, bytes]:
    made = {links.NAME: links.build(table)}
    if _is_large(table):
        made[words.NAME] = words.build(table)
    return {name: index for name, index in made.items() if index is not None}


class Sketch(NamedTuple):
    """What a footer tells of row groups: their pieces, the times of the first and last event, how many events.

    Beside that, where the indexes of the file lie.
    """

    pieces: bytes
    times: tuple[tuple[int, int], ...]
    sizes: tuple[int, ...]
    indexes: Mapping[str, Place]


def kept_sketch(path: Path) -> Sketch | None:
    """Return the sketch of a segment file, None when it has none. Raises OSError."""
    footer: Any = pq.read_metadata(path)
    metadata: dict[bytes, bytes] = footer.metadata or {}
    if SKETCH not in metadata:
        return None
    at = [footer.schema.column(number).path for number in range(footer.num_columns)].index(TIME_COLUMN)
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    told = [one.column(at).statistics for one in groups]
    times, sizes = tuple((one.min, one.max) for one in told), tuple(one.num_rows for one in groups)
    return Sketch(metadata[SKETCH], times, sizes, appendix.places(metadata))


def _options(table: Any) -> dict[str, Any]:
    plain = {name for name in table.column_names if name == ID_COLUMN or split(name)[1] in ("l", "b")}
    encodings = {name: "DELTA_BINARY_PACKED" for name in table.column_names if name.endswith(":l")}
    encodings[ID_COLUMN] = "PLAIN"
    words = [name for name in table.column_names if name not in plain and name != REST and _repeats(table, name)]
    rest = [f"{REST}.list.element.{part}" for part in ("n", "k", "v")] if REST in table.column_names else []
    return {
        "compression": "zstd",
        "compression_level": _LARGE_LEVEL if _is_large(table) else _LEVEL,
        "use_dictionary": words + rest,
        "column_encoding": encodings,
        "write_statistics": sorted(plain),
        "store_schema": False,
        "version": "2.6",
    }


def _is_large(table: Any) -> bool:
    """Return whether a segment is merged once more at most: what is dear to make pays from there on."""
    return bool(table.num_rows >= 4 * ROW_GROUP)


def _repeats(table: Any, name: str) -> bool:
    """Return whether the texts of a column come again, by the first of a large segment; of a small one they may."""
    if not _is_large(table):
        return True
    some = table.column(name).slice(0, ROW_GROUP).drop_null()
    return pc.count_distinct(some).as_py() <= _RARE * len(some)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(folder: Path, keep: set[str]) -> int:
    """Delete what an interrupted write left: segment and temporary files that `keep` does not name."""
    gone = 0
    for path in folder.iterdir():
        if path.name.endswith((SUFFIX, TEMPORARY)) and path.name not in keep:
            path.unlink(missing_ok=True)
            gone += 1
    return gone

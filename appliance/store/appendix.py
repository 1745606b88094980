"""What a segment file carries between its last row group and its footer: indexes, derived from its events.

Readers of Parquet go by the footer and never look there. The footer's metadata says where each index lies and its
CRC-32. An index can be built again from the events, so none is evidence: one that is damaged, of another version or
missing is left out, and questions read the events instead.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import structlog

KEY = b"czujka.index"
"""Key of the footer's metadata."""
VERSION = 1
MOST_BYTES = 64 << 20
"""Largest index that is read."""
log = structlog.get_logger()


class Place(NamedTuple):
    """Where an index lies in its file: offset and size in bytes, and its CRC-32."""

    offset: int
    size: int
    crc: int


def append(file: Any, indexes: Mapping[str, bytes]) -> bytes:
    """Write indexes where a file ends so far, and return what the footer shall say of them."""
    told: dict[str, Place] = {}
    for name, content in indexes.items():
        told[name] = Place(file.tell(), len(content), zlib.crc32(content))
        file.write(content)
    return json.dumps({"version": VERSION, "indexes": told}).encode()


def places(metadata: Mapping[bytes, bytes]) -> dict[str, Place]:
    """Return where a footer says that indexes lie; none of another version."""
    try:
        told = json.loads(metadata.get(KEY, b"{}"))
        if told.get("version") != VERSION:
            return {}
        return {name: Place(*map(int, place)) for name, place in told["indexes"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def content(path: Path, place: Place) -> bytes | None:
    """Return an index, None when it is damaged. Raises OSError."""
    if not 0 < place.size <= MOST_BYTES or place.offset < 0:
        return None
    handle = os.open(path, os.O_RDONLY)
    try:
        found = os.pread(handle, place.size, place.offset)
    finally:
        os.close(handle)
    if len(found) != place.size or zlib.crc32(found) != place.crc:
        log.warning("segment_index_damaged", file=path.name)
        return None
    return found

"""What analysers know, as the bookmark that outlives a restart: JSON, packed, bounded."""

from __future__ import annotations

import json
import logging
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping

from collector.analysers.model import Memory

LOG = logging.getLogger(__name__)
BOOKMARK = "network.memory"
MOST = 1 << 20
"""Bytes of the bookmark."""
_UNPACKED = 16 << 20


def packed(memory: Mapping[str, Memory]) -> str:
    """Return the bookmark's value, of at most MOST bytes: the largest memories stay behind when all are too large."""
    left = {name: json.dumps(one, separators=(",", ":")) for name, one in memory.items()}
    while True:
        text = ",".join(f"{json.dumps(name)}:{one}" for name, one in left.items())
        value = b64encode(zlib.compress(f"{{{text}}}".encode(), 1)).decode("ascii")
        if len(value) <= MOST and len(text) < _UNPACKED:
            return value
        largest = max(left, key=lambda name: len(left[name]))
        LOG.warning("analyser_memory_too_large analyser=%s bytes=%d", largest, len(left.pop(largest)))


def unpacked(value: str) -> dict[str, Memory]:
    """Return what `packed` was given; nothing when the value cannot be read."""
    if not value:
        return {}
    try:
        text = zlib.decompressobj().decompress(b64decode(value[:MOST], validate=True), _UNPACKED)
        found = json.loads(text)
    except (ValueError, zlib.error, RecursionError):
        LOG.warning("analyser_memory_unreadable")
        return {}
    return found if isinstance(found, dict) else {}

"""The sketches of segments, read when first asked for and kept within a bound."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from appliance.search import Node
from appliance.store.grams import may_hold, telling
from appliance.store.manifest import Segment
from appliance.store.segments import kept_sketch

MOST_BYTES = 32 << 20


class Sketches:
    """Sketches of one folder of segments; may be used by several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0

    def may_hold(self, segment: Segment, node: Node) -> bool:
        """Return whether some event of a segment can answer a question; False is certain."""
        if not telling(node):
            return True
        sketch = self._sketch(segment.file)
        return not sketch or may_hold(sketch, node)

    def _sketch(self, file: str) -> bytes:
        with self._lock:
            if file not in self._kept:
                self._keep(file, self._read(file))
            self._kept.move_to_end(file)
            return self._kept[file]

    def _read(self, file: str) -> bytes:
        try:
            return kept_sketch(self._folder / file) or b""
        except FileNotFoundError:
            return b""

    def _keep(self, file: str, sketch: bytes) -> None:
        self._kept[file] = sketch
        self._size += len(sketch)
        while self._size > MOST_BYTES and len(self._kept) > 1:
            self._size -= len(self._kept.popitem(last=False)[1])

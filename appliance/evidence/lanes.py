"""The sum of documents of a cluster, as appliance/store/elastic/sums.py makes it, and the hours of a pack against it.

Part of the standalone verifier (appliance/evidence/standalone.py): the standard library of Python 3.9, nothing else.
docs/evidence.md specifies the format.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

LANES_BYTES = 2048
"""1,024 lanes of 16 bits, low byte first, each added modulo 2¹⁶."""
_EVEN = int.from_bytes(b"\xff\xff\x00\x00" * (LANES_BYTES // 4), "little")
"""Every other lane: the next one's place takes what it carries."""


class Lanes:
    """A sum in the making."""

    def __init__(self) -> None:
        self._even = self._odd = self.count = 0

    def add(self, name: str, body: bytes) -> None:
        """Add a document: its id, and its JSON as it was sent."""
        lanes = int.from_bytes(hashlib.shake_128(b"%s\n%s" % (name.encode(), body)).digest(LANES_BYTES), "little")
        self._even = (self._even + (lanes & _EVEN)) & _EVEN
        self._odd = (self._odd + (lanes >> 16 & _EVEN)) & _EVEN
        self.count += 1

    def digest(self) -> str:
        """Return what an entry of the chain has for these documents."""
        return hashlib.sha256((self._even | self._odd << 16).to_bytes(LANES_BYTES, "little")).hexdigest()


def summed_lines(lines: Iterator[bytes], count: int) -> tuple[int, str]:
    """Return how many documents of one hour there are, at most `count`, and the digest of their sum.

    Raises ValueError, LookupError or TypeError for a line that is no document.
    """
    found = Lanes()
    while found.count < count:
        line = next(lines, None)
        if line is None:
            break
        document: Any = json.loads(line.decode("utf-8"))
        found.add(document["event.id"], line)
    return found.count, found.digest()


def place_of(index: str, hour: int) -> str:
    """Return what an hour (microseconds of its beginning, UTC) of an index is called."""
    try:
        at = datetime(1970, 1, 1) + timedelta(microseconds=hour)  # noqa: DTZ001 - UTC without saying so
    except OverflowError:
        return f"{index}, godzina {hour}"
    return f"{index}, godzina od {at:%Y-%m-%dT%H:%MZ}"

"""Conversations as bytes that a fuzzer may change anywhere: of each turn its side, its length, and what was said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from collector.protocols.model import Side
from tests.collector.protocols.talk import Turn

MOST = 64
"""Turns that are read."""


def encoded(turns: Iterable[Turn]) -> bytes:
    """Return turns as bytes; longer ones than 64 KiB are cut."""
    return b"".join(bytes([side]) + len(data[:65535]).to_bytes(2, "big") + data[:65535] for side, data in turns)


def decoded(raw: bytes) -> Iterator[Turn]:
    """Yield the turns in any bytes."""
    at = 0
    for _ in range(MOST):
        if at + 3 > len(raw):
            return
        size = int.from_bytes(raw[at + 1 : at + 3], "big")
        yield Side(raw[at] & 1), raw[at + 3 : at + 3 + size]
        at += 3 + size

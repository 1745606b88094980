"""Rows of tables that forget: made when they are missing, the newest of them, and what comes back from memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from collector.analysers.bounded import Recent

K = TypeVar("K")
V = TypeVar("V")
MOST_TOLD = 512
"""Notices that are remembered, so that they are not told again."""


def row(table: Recent[K, V], key: K, make: Callable[[], V]) -> V:
    """Return a row, made now when there is none."""
    found = table.get(key)
    if found is None:
        found = table[key] = make()
    return found


def newest(table: Recent[K, V], most: int) -> list[tuple[K, V]]:
    """Return the rows that were used last, oldest of them first."""
    return list(table.items())[-most:]


def mapping(memory: Any) -> dict[str, Any]:
    """Return memory that must be an object of JSON; raises TypeError."""
    if not isinstance(memory, dict):
        raise TypeError(type(memory).__name__)
    return memory

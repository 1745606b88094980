"""Segments whose events a pack cannot have: set aside as damaged, or found so while it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from appliance.evidence.inventory import Inventory, Stored, take
from appliance.evidence.ledger import Live
from appliance.store.damage import harm

_NO_DELETIONS = 1 << 62


@dataclass(frozen=True, slots=True)
class Gap:
    """A segment whose events are missing: as many as `rows`, of `min_time` to `max_time`, in microseconds."""

    file: str
    rows: int
    min_time: int
    max_time: int
    entry: int | None
    """The entry of its seal, None for one that was damaged before it was sealed."""
    why: str
    """What is wrong with its file (`appliance.store.Harm`)."""

    @classmethod
    def of(cls, stored: Stored, live: Live | None, why: str) -> Self:
        """Return the gap that a segment leaves."""
        entry = None if live is None else live.number
        return cls(stored.file, stored.rows, stored.min_time, stored.max_time, entry, why)

    @property
    def line(self) -> dict[str, Any]:
        """What `pack.json` says of it."""
        return asdict(self)


def known(folder: Path, live: Mapping[str, Live]) -> dict[str, Gap]:
    """Return by file the segments of a store that were set aside, and those that cannot be read to be sealed.

    Raises sqlite3.Error.
    """
    with take(folder, _NO_DELETIONS) as inventory:
        if inventory is None:
            return {}
        suspect = [one for name, one in inventory.segments.items() if name in inventory.damaged or name not in live]
        told = ((one, _why(folder, inventory, one)) for one in suspect)
        return {one.file: Gap.of(one, live.get(one.file), why) for one, why in told if why}


def found(folder: Path, one: Live) -> Gap | None:
    """Return the gap of a sealed segment that cannot be read; None when its file is as it was written, or replaced.

    Raises sqlite3.Error.
    """
    with take(folder, _NO_DELETIONS) as inventory:
        stored = None if inventory is None else inventory.segments.get(one.file)
        why = "" if inventory is None or stored is None else _why(folder, inventory, stored)
        return None if stored is None or not why else Gap.of(stored, one, why)


def _why(folder: Path, inventory: Inventory, stored: Stored) -> str:
    """Return what is wrong with a segment's file, "" when nothing is."""
    if stored.file in inventory.damaged:
        return inventory.damaged[stored.file]
    here = harm(folder, stored)
    return "" if here is None else here.harm.value

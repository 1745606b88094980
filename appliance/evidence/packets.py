"""Packets that a pack of evidence takes along: those asked for over the events of a case, or in a time.

That a file is what the sensor gave is proved by the entry of the operators' log in the chain, which has its SHA-256.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.evidence.ledger import Ledger
from appliance.evidence.verify import PACKETS, TAKEN
from appliance.slices.kept import path_of
from appliance.state.slices import PacketSlice


class Packets(NamedTuple):
    """A file of packets: its name in the pack, where it lies, its hash (hex), and the entry that has it."""

    name: str
    path: Path
    sha256: str
    entry: int


def of_events(session: Session, ledger: Ledger, folder: Path, events: Collection[str]) -> list[Packets]:
    """Return the packets that were asked for over events, given by their ids."""
    return _kept(session, ledger, folder, lambda row: row.event_id in events)


def of_time(session: Session, ledger: Ledger, folder: Path, has: Callable[[int], bool]) -> list[Packets]:
    """Return the packets that were asked for in a time (µs)."""
    return _kept(session, ledger, folder, lambda row: has(row.asked_at))


def _kept(session: Session, ledger: Ledger, folder: Path, wanted: Callable[[PacketSlice], bool]) -> list[Packets]:
    there = PacketSlice.taken_at.is_not(None) & PacketSlice.removed_at.is_(None)
    rows = [row for row in session.scalars(select(PacketSlice).where(there).order_by(PacketSlice.id)) if wanted(row)]
    entries: dict[str, int] = {}
    for agent in sorted({row.agent_id for row in rows}):
        for entry in ledger.of_kind("operation", ref=f"agent:{agent}"):
            if entry["payload"]["action"] == TAKEN:
                entries[entry["payload"]["detail"]["sha256"]] = entry["number"]
    return [
        Packets(f"{PACKETS}{row.uid}-{row.id}.pcapng", path_of(folder, row.id), row.sha256, entries[row.sha256])
        for row in rows
        if row.sha256 in entries
    ]

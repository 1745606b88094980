"""What the sensor itself passes over, as its parts count it, and when a growing loss is entered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from agent.wire.sending.sensor import Gap
from collector.headers.unread import LLC
from collector.rare.dissector import Dissector
from collector.slices.ring import Slices
from collector.watch import Watch

AGAIN = 60_000_000
"""Microseconds between two entries of a loss that goes on growing."""


class Losses(NamedTuple):
    """Running totals; the names are those of the heartbeat's figures."""

    flooded: int = 0
    """Packets of new attempts beyond what a second may bring."""
    evicted: int = 0
    """Flows that were told before their end, for want of room."""
    given_up: int = 0
    """Flows whose content is read no more, for want of room."""
    faults: int = 0
    """Faults of parsers that no parser may have."""
    neighbours: int = 0
    """Packets of ARP and neighbour discovery beyond what a second may bring."""
    fragments: int = 0
    """Packets in pieces that were never put together."""
    slices: int = 0
    """Packets that the disk did not take."""
    rare: int = 0
    """Announcements of LLDP and CDP that were not read."""
    unflagged: int = 0
    """Noticed flows of which not all packets are kept."""
    analysis: int = 0
    """Faults of analysers that none may have."""
    unread: int = 0
    """Packets whose headers are cut, broken or too many."""
    weird: int = 0
    """Breaches of a protocol's rules: datagrams that are not read, streams of which the rest is not."""
    others: int = 0
    """Frames of protocols that are not read, by their EtherType; of spanning tree and its like without one not."""


NONE = Losses()
#: Losses of which events are missing: their causes in the ledger.
CAUSES = {
    "flooded": "flows_left_out",
    "given_up": "contents_given_up",
    "faults": "parser_faults",
    "neighbours": "neighbours_left_out",
    "fragments": "fragments_given_up",
    "rare": "announcements_left_out",
    "analysis": "analyser_faults",
}
#: Losses that are told as a sensor's state while they grow, the worst first.
REASONS = ("faults", "analysis", "given_up", "flooded", "evicted", "neighbours", "fragments")


def summed(parts: Iterable[Losses]) -> Losses:
    """Return the sum of totals."""
    return Losses(*map(sum, zip(NONE, *parts, strict=True)))


def losses_of(watch: Watch, slices: Slices | None, rare: Dissector) -> Losses:
    """Return what one process has counted."""
    table, heads, links = watch.table, watch.heads, watch.links
    return Losses(
        flooded=table.flooded,
        evicted=table.evicted,
        given_up=heads.given_up,
        faults=heads.faults,
        neighbours=links.left_out,
        fragments=watch.fragments.given_up,
        slices=slices.lost if slices is not None else 0,
        rare=rare.left_out,
        unread=watch.unread.broken,
        weird=heads.weird.total() + links.weird.total(),
        others=watch.unread.kinds.total() - watch.unread.kinds[LLC],
    )


class Growing:
    """One loss: entered when it begins to grow, then at most once in AGAIN, and what is left at the end."""

    def __init__(self, cause: str) -> None:
        self._cause = cause
        self._lost = self._since = 0
        self._told: int | None = None

    def grown(self, by: int, since: int, now: int, steady: int) -> list[Gap]:
        """Take what a sample adds; `steady` is of a clock that nobody sets, all times in microseconds."""
        if by > 0:
            self._since = self._since if self._lost else min(since, now)
            self._lost += by
        if not self._lost or (self._told is not None and steady - self._told < AGAIN):
            return []
        self._told = steady
        return self.rest(now)

    def rest(self, now: int) -> list[Gap]:
        """Return what was not entered yet."""
        lost, self._lost = self._lost, 0
        return [Gap(self._cause, lost, min(self._since, now), now)] if lost else []

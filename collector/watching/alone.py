"""One process that watches all cards: a flow may go out over one and come in over another."""

from __future__ import annotations

import select
import time
from collections.abc import Iterable, Sequence

from agent.wire.sending.sensor import Gap
from collector.analysers.model import Analyser
from collector.capture.ring import Ring
from collector.heads.head import Entry
from collector.losses import losses_of
from collector.protocols.model import Flow
from collector.protocols.registry import PROTOCOLS
from collector.protocols.x509 import trust
from collector.rare.dissector import Dissector
from collector.settings import Settings
from collector.slices.claim import Claim
from collector.slices.ring import Slices
from collector.watch import Watch
from collector.watching.model import Totals

BLOCKS = 16
"""Blocks of a card that one reading takes; the rest comes with the next."""


class Alone:
    """Reads the cards' rings itself. In a fanout `group` (a number for each card) it shares their flows with others."""

    def __init__(
        self,
        interfaces: Sequence[str],
        settings: Settings,
        analysers: Iterable[Analyser] = (),
        groups: Sequence[int] | None = None,
    ) -> None:
        self._interfaces, self._rules = tuple(interfaces), settings.rules
        trust.use(settings.trust)
        self._groups: Sequence[int | None] = groups or [None] * len(self._interfaces)
        self._slices = Slices(*settings.slices) if settings.slices else None
        self._rare = Dissector()
        self._watch = Watch(PROTOCOLS, settings.office, analysers=analysers, slices=self._slices, rare=self._rare)
        self.analysis = self._watch.analysis
        self._rings: list[Ring] = []
        self._poll: select.epoll | None = None

    def open(self) -> None:
        """Begin to listen on all cards; raises OSError."""
        self._poll = select.epoll()
        for name, group in zip(self._interfaces, self._groups, strict=True):
            ring = Ring(name, group=group, rules=self._rules)
            self._rings.append(ring)
            self._poll.register(ring.fileno(), select.EPOLLIN | select.EPOLLERR)

    def fileno(self) -> int:
        """Return what becomes readable when any card has a block."""
        assert self._poll is not None
        return self._poll.fileno()

    def read(self) -> list[Entry]:
        """Take the blocks that are ready."""
        return [entry for ring in self._rings for batch in ring.batches(BLOCKS) for entry in self._watch.take(batch)]

    def tick(self) -> list[Entry | Gap]:
        """Let silent flows end."""
        if self._slices is not None:
            self._slices.tick()
        return list(self._watch.tick(time.time_ns()))

    def flag(self, uid: str, flow: Flow) -> None:
        """Keep what still comes of a flow, where packets are kept at all."""
        if self._slices is not None:
            self._slices.flag(self._watch.table.columns, uid, flow)

    def claimed(self, claim: Claim) -> None:
        """Keep the frames of an address of which something was noticed."""
        self._watch.claimed(claim)

    def totals(self) -> Totals:
        """Return what was counted."""
        watch, dropped = self._watch, sum(ring.statistics().drops for ring in self._rings)
        full = self._slices is not None and self._slices.full
        sides, crossed = watch.table.sides, watch.table.crossed
        losses = losses_of(watch, self._slices, self._rare)
        return Totals(watch.frames, watch.bytes, dropped, watch.cut, sides, crossed, int(full), losses)

    def finish(self) -> list[Entry]:
        """Tell the flows that still live."""
        found = list(self._watch.finish())
        if self._slices is not None:
            self._slices.close()
        return found

    def close(self) -> None:
        """Stop listening."""
        self._rare.close()
        for ring in self._rings:
            ring.close()
        self._rings.clear()
        if self._poll is not None:
            self._poll.close()
            self._poll = None

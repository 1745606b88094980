"""The sensor without its inputs and outputs: batches of frames go in, logs come out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from collector.analysers.analysis import Analysis
from collector.analysers.model import Analyser
from collector.capture.batch import Batch
from collector.flows.record import Conn, Office, conn_fields
from collector.flows.table import FlowTable
from collector.headers.fragments import Fragments
from collector.headers.parse import Headers, parse, replaced
from collector.headers.unread import Unread
from collector.heads.head import Entry
from collector.heads.linklayer import LinkLayer
from collector.heads.reader import Heads
from collector.protocols.model import Log, Protocol
from collector.rare.dissector import Dissector
from collector.slices.claim import Claim, claim_of
from collector.slices.claims import Claims
from collector.slices.ring import FLAGGING, Slices

LONGEST_BATCH = 30_000_000_000
"""Nanoseconds of one batch: half of the shortest time after which a silent flow ends."""
LARGEST = 9238
"""Bytes of the longest frame that comes over a wire: 9216, header and two tags. The card has merged a longer one."""


class Watch:
    """Reads batches, in the order of their times. One object a stream of packets."""

    def __init__(
        self,
        protocols: Iterable[Protocol],
        office: Office | None = None,
        table: FlowTable | None = None,
        analysers: Iterable[Analyser] = (),
        slices: Slices | None = None,
        *,
        rare: Dissector | None = None,
    ) -> None:
        """Know these protocols, in the order in which they are asked, and show the logs to these analysers.

        `slices` keeps the heads of flows on disk, `rare` reads rare protocols elsewhere.
        """
        known = tuple(protocols)
        self._office = office or Office()
        ports = {port for protocol in known for port in protocol.ports}
        self.table = FlowTable(server_ports=ports) if table is None else table
        self.heads = Heads(self.table.columns, known)
        self._claims = None if slices is None else Claims(slices)
        self.links = LinkLayer(self._claims)
        self.fragments = Fragments()
        self.analysis = Analysis(analysers)
        self.slices = slices
        self._rare = rare
        self._last = 0
        self.unread = Unread()
        self.frames = self.bytes = self.cut = 0
        """Frames, their bytes on the wire, those not captured whole or merged by the card."""

    def take(self, batch: Batch) -> Iterator[Entry]:
        """Yield the logs of a batch."""
        for part in batch.split(LONGEST_BATCH):
            self.frames += len(part)
            self.bytes += int(part.wire.sum())
            self.cut += int(((part.caplen < part.wire) | (part.wire > LARGEST)).sum())
            yield from self._analysed(self._part(part))
            yield from self._dissected()
            yield from self._noticed(int(part.at[-1]))

    def tick(self, now: int | None = None) -> Iterator[Entry]:
        """Yield what is due at a time (nanoseconds of Unix time) though no packet came."""
        yield from self._analysed(self.ended(self.table.tick(now)))
        yield from self._dissected()
        if now is not None:
            yield from self._noticed(now)

    def finish(self) -> Iterator[Entry]:
        """Yield what is left: nothing more comes."""
        yield from self._analysed(self.ended(self.table.finish()))
        if self._rare is not None:
            yield from self._analysed(self._rare.finish())
        yield from self._noticed(self._last)

    def _dissected(self) -> Iterator[Entry]:
        if self._rare is not None:
            yield from self._analysed(self._rare.answers())

    def _analysed(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        for entry in entries:
            self._flagged(entry)
            yield entry
            for noticed in self.analysis.see(entry):
                self._flagged(noticed)
                yield noticed

    def claimed(self, claim: Claim) -> None:
        """Keep the frames of an address of which something was noticed, where packets are kept at all."""
        if self._claims is not None:
            self._claims.notice(claim)

    def _flagged(self, entry: Entry) -> None:
        if (claim := claim_of(entry.log)) is not None:
            self.claimed(claim)
        elif self.slices is not None and entry.uid and entry.flow is not None and entry.log.path in FLAGGING:
            self.slices.flag(self.table.columns, entry.uid, entry.flow)

    def _noticed(self, now: int) -> Iterator[Entry]:
        """Yield what analysers notice at a time; it never goes back for them, nor on where the table's clock doubts."""
        if not self.table.clock.doubts:
            self._last = max(self._last, now)
        yield from self.analysis.tick(self._last // 1000)

    def _part(self, part: Batch) -> Iterator[Entry]:
        headers = parse(part)
        if self._rare is not None:
            self._rare.look(headers)
        pieces = np.flatnonzero(headers.network.fragment)
        if len(pieces):
            whole = self.fragments.add(headers, pieces.tolist())
            yield from self.links.overlaps(headers, self.fragments.odd)
            if whole is not None:
                headers = replaced(headers, whole.rows, whole.frames)
        self.unread.look(headers)
        yield from self._read(headers)

    def _read(self, headers: Headers) -> Iterator[Entry]:
        if self._claims is not None:
            self._claims.look(headers)
        yield from self.links.read(headers)
        for assigned in self.table.rounds(headers):
            if self.slices is not None:
                self.slices.keep(self.table.columns, headers, assigned)
            yield from self.ended(assigned.ended)
            yield from self.heads.read(headers, assigned)

    def ended(self, conns: Iterable[Conn]) -> Iterator[Entry]:
        """Yield the records of flows that ended or go on for long, after what their parsers still had to tell."""
        for conn in conns:
            if conn.final:
                yield from self.heads.finish(conn)
            fields = conn_fields(conn, self._office, self.heads.service(conn))
            path, at = ("conn", conn.first) if conn.final else ("conn_long", conn.last)
            yield Entry(Log(path, at // 1000, fields), conn.uid, conn.flow())

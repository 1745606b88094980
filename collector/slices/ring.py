"""The ring as the sensor writes it: the heads of all flows, and flagged flows on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from collector.arrays import Ints
from collector.capture.batch import Batch
from collector.flows.columns import Columns
from collector.flows.table import Assigned
from collector.headers.parse import Headers
from collector.pace import Pace
from collector.protocols.model import Flow
from collector.slices.files import Limits, Segment, room, tidy
from collector.slices.form import RUN, Runs, packets, uid_from

LOG = logging.getLogger(__name__)
FLAGGING = frozenset({"notice", "weird"})
"""Logs whose flow is kept on, beyond its head."""
WHOLE = 64 << 20
"""Bytes of each side that are kept of a flagged flow."""
FLAGS = 50
"""Flows that are flagged in a second: each is looked for among all."""
LONGEST = 600.0
"""Seconds after which the next file begins, so that old packets can go in time."""
AGAIN = 10.0
"""Seconds until a disk that took nothing is tried again."""
HOURLY = 3600.0


class Slices:
    """One ring. Nothing of it raises: what the disk does not take is counted."""

    def __init__(self, folder: Path, limits: Limits | None = None, clock: Callable[[], float] = time.time) -> None:
        """Write into a folder, made at the first packet; `clock` gives seconds of Unix time."""
        self._folder, self._limits, self._clock = folder, limits or Limits(), clock
        self._segment: Segment | None = None
        self._begun = self._tidied = self._resting = 0.0
        self._pace = Pace()
        self.kept = self.lost = self.flagged = 0
        """Packets on disk, packets that it did not take, flows that were flagged."""

    def keep(self, columns: Columns, headers: Headers, assigned: Assigned) -> None:
        """Write those packets of a round that belong to heads of flows, or to flagged ones."""
        open_ = columns.kept[assigned.slot, assigned.side] < self._limits.head
        rows = np.flatnonzero(open_ & (assigned.number >= 0))
        if not len(rows):
            return
        rows = self._heads(columns, headers, assigned, rows)
        blocks, lengths = packets(headers.batch, rows)
        self._write(blocks, _runs(columns, headers.batch.at[rows], assigned.slot[rows], lengths), len(rows))

    def add(self, run: Runs, frames: Batch) -> None:
        """Write frames that belong together though they are no flow; `run` is a row that says whose they are."""
        blocks, _ = packets(frames, np.arange(len(frames)))
        run["last"], run["length"] = frames.at.max(), len(blocks)
        self._write(blocks, run, len(frames))

    def _heads(self, columns: Columns, headers: Headers, assigned: Assigned, rows: Ints) -> Ints:
        """Return the rows of which the flow's side has not had enough, by flow; and count them to it."""
        tag = 2 * assigned.slot[rows] + assigned.side[rows]
        order = np.argsort(tag, kind="stable")
        rows, tag = rows[order], tag[order]
        size = headers.batch.caplen[rows]
        before = np.cumsum(size) - size
        starts = _starts(tag)
        slots, sides = tag[starts] >> 1, tag[starts] & 1
        had = columns.kept[slots, sides] - before[starts]
        fits = np.repeat(had, np.diff(np.append(starts, len(rows)))) + before < self._limits.head
        columns.kept[slots, sides] += np.add.reduceat(np.where(fits, size, 0), starts)
        kept: Ints = rows[fits]
        return kept

    def _write(self, blocks: bytes, runs: Runs, count: int) -> None:
        now = self._clock()
        if abs(now - self._resting) < AGAIN:
            self.lost += count
            return
        try:
            segment = self._room_for(len(blocks), now)
            runs["offset"] += segment.size
            segment.write(blocks, runs.tobytes())
        except OSError as error:
            LOG.warning("slices_not_written reason=%s lost=%d", error.strerror, self.lost + count)
            self.lost += count
            self._resting = now
            self.close()
            return
        self._resting = 0.0
        self.kept += count

    def _room_for(self, size: int, now: float) -> Segment:
        """Return the file to write to, a new one when the old is full or old; raises OSError."""
        segment = self._segment
        if segment is not None and segment.size + size <= self._limits.segment and 0 <= now - self._begun < LONGEST:
            return segment
        self.close()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        tidy(self._folder, self._limits, now, wanted=max(size, self._limits.segment))
        room(self._folder, self._limits)
        self._segment, self._begun, self._tidied = Segment(self._folder), now, now
        return self._segment

    @property
    def full(self) -> bool:
        """Whether the disk took nothing when it was last tried."""
        return self._resting > 0.0

    def flag(self, columns: Columns, uid: str, flow: Flow) -> None:
        """Keep what still comes of a flow, up to WHOLE bytes of each side."""
        if not self._pace.may(int(self._clock()), FLAGS):
            return
        alike = columns.live & (columns.ports == np.array([flow.orig_p, flow.resp_p])).all(axis=1)
        for slot in np.flatnonzero(alike).tolist():
            if uid_at(columns, slot) == uid and columns.kept[slot].max() >= 0:
                columns.kept[slot] = self._limits.head - WHOLE
                self.flagged += 1

    def tick(self) -> None:
        """Once an hour remove what is too old, though nothing new comes."""
        now = self._clock()
        if abs(now - self._tidied) >= HOURLY and self._folder.exists():
            self._tidied = now
            tidy(self._folder, self._limits, now, current=self._segment.path if self._segment else None)

    def close(self) -> None:
        """End the file; the next packets begin another."""
        if self._segment is not None:
            self._segment.close()
            self._segment = None


def uid_at(columns: Columns, slot: int) -> str:
    """Return the uid of the flow in a slot."""
    addresses, ports = columns.addresses[slot].tobytes(), columns.ports[slot].tolist()
    return uid_from(int(columns.first[slot]), int(columns.proto[slot]), int(columns.version[slot]), addresses, ports)


def _runs(columns: Columns, at: Ints, slots: Ints, lengths: Ints) -> Runs:
    """Return the rows of the index for packets that are sorted by flow; offsets count from the first of them."""
    starts = _starts(slots)
    own = slots[starts]
    runs = np.zeros(len(starts), RUN)
    for name in ("first", "addresses", "ports", "proto", "version"):
        runs[name] = getattr(columns, name)[own]
    runs["last"] = np.maximum.reduceat(at, starts)
    runs["length"] = np.add.reduceat(lengths, starts)
    runs["offset"] = (np.cumsum(lengths) - lengths)[starts]
    return runs


def _starts(tags: Ints) -> Ints:
    """Return where each group of equal neighbours begins."""
    return np.flatnonzero(np.append(True, tags[1:] != tags[:-1]))

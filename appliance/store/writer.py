"""The embedded store's writer: events into Parquet segments, one manifest transaction for each change."""

from __future__ import annotations

import fcntl
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import structlog

from appliance import clock
from appliance.clock import DAY
from appliance.store import segments
from appliance.store.classes import Classes, shipped
from appliance.store.compaction import Compaction, whole
from appliance.store.damage import Aside, remove
from appliance.store.digest import digest
from appliance.store.holding import Holding
from appliance.store.known import KnownIds, firsts, halves
from appliance.store.manifest import MAX_REST_NAMES, Deletion, Manifest, Merge, Segment
from appliance.store.missing import SegmentDamaged
from appliance.store.model import BatchResult, Keeping, Retained, Stats, StoreUnavailable
from appliance.store.names import Change, change
from appliance.store.results import in_rounds
from appliance.store.retention import Gone, choose, summary
from appliance.store.segments import SUFFIX, Probe, quiet
from appliance.store.shape import Rows
from appliance.store.sorting import by_class

log = structlog.get_logger()
GRACE = 60 * clock.SECOND
"""Microseconds that a replaced file stays for those who still read it."""
STILL = 60 * clock.SECOND
"""Microseconds that a new segment is left to be merged before it is described by itself."""
MERGES_KEPT = 14 * DAY
"""Microseconds for which it is kept what segments were merged of: the evidence chain must have read it by then."""


class EmbeddedStore:
    """The single writer of one folder of segments. Its methods may be called from several threads.

    `now` gives microseconds since the epoch; `probe` is told each step of a write; events of different `classes` are
    kept apart, so that each can go in its time without touching the others.
    """

    def __init__(
        self,
        folder: Path,
        now: Callable[[], int] = clock.now,
        probe: Probe = quiet,
        classes: Classes | None = None,
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder, self._now, self._probe = folder, now, probe
        self._classes = shipped() if classes is None else classes
        self._only = weakref.finalize(self, os.close, _lock(folder))
        self._manifest = Manifest(folder, writer=True)
        swept = segments.sweep(folder, self._manifest.files())
        if swept:
            log.info("store_swept", files=swept)
        self._lock = threading.RLock()
        self._compacting = threading.Lock()
        self._known = KnownIds(folder)
        self._aside = Aside(folder, self._manifest, now)
        self._names = self._manifest.names.days()
        self._missed: int | None = None
        self._next = self._manifest.next_id()
        self._compaction = Compaction(folder, probe)
        self._fresh: dict[int, int] = {}
        """When segments were written that came a moment ago."""

    def applied(self) -> int:
        """Return the journal seq up to which events are in the store, 0 at first."""
        with self._lock:
            return self._manifest.applied()

    def known(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Return which of these events the store already has, exactly; what is damaged it has no more.

        Raises StoreUnavailable.
        """
        if not len(rows):
            return np.zeros(0, dtype=np.bool_)
        times, ids = rows.times, halves(rows.ids)
        with self._lock:
            while True:
                near = self._manifest.segments(int(times.min()), int(times.max()) + 1)
                try:
                    return self._known.known(times, ids, self._aside.left(near))
                except SegmentDamaged as error:
                    if not self._aside.put(error):
                        raise

    def append(self, rows: Rows, results: Sequence[BatchResult], upto: int) -> None:
        """Add events, results and the applied journal seq, all or nothing and on disk on return.

        Events that repeat an id, in the store or in this call, are left out. Raises StoreUnavailable.
        """
        with self._lock:
            fresh = rows.where(~self.known(rows) & firsts(halves(rows.ids)))
            written: list[tuple[Segment, Rows]] = []
            day = self._now() // DAY
            try:
                for late, source_class, part in _parts(fresh, self._now(), self._classes):
                    written.append(self._write(part.ordered(), day, source_class, late=late))
                named = change(self._names, fresh.rest_names if written else (), day)
                self._commit([segment for segment, _ in written], named, results, upto)
            except BaseException:
                self._undo([segment for segment, _ in written])
                raise
            for segment, part in written:
                self._known.add(segment, halves(part.ids))
                self._fresh[segment.id] = self._now()

    def _write(self, rows: Rows, day: int, source_class: str, *, late: bool) -> tuple[Segment, Rows]:
        segment_id, self._next = self._next, self._next + 1
        name = f"{segment_id:010d}{SUFFIX}"
        size, sha256 = segments.write(self._folder, name, rows.table, self._probe)
        times = rows.table.column(0)
        rest = rows.rest_names if len(rows.rest_names) <= MAX_REST_NAMES else None
        low, high = times[0].as_py(), times[-1].as_py()
        count, raw = rows.table.num_rows, rows.table.nbytes
        columns = tuple(rows.columns)
        about = (segment_id, name, day, late, count, size, raw, low, high)
        return Segment(*about, columns, rest, None, sha256, source_class), rows

    def _commit(self, written: Sequence[Segment], named: Change, results: Sequence[BatchResult], upto: int) -> None:
        with self._manifest.transaction():
            self._probe("begun")
            for segment in written:
                self._manifest.add(segment)
            self._manifest.apply(results, upto)
            self._manifest.names.put(named)
            self._probe("inserted")
        self._probe("committed")
        self._rename(named)

    def _rename(self, named: Change) -> None:
        """Follow what the manifest took in."""
        for name in named.gone:
            del self._names[name]
        self._names |= named.came
        if named.missed not in (None, self._missed):
            log.warning("field_names_not_listed", listed=len(self._names))
            self._missed = named.missed

    def _undo(self, written: Sequence[Segment]) -> None:
        """Remove files that no transaction names; when the manifest cannot tell, the next start sweeps them."""
        try:
            kept = self._manifest.files()
        except Exception:
            log.exception("store_undo_failed")
            return
        for segment in written:
            if segment.file not in kept:
                (self._folder / segment.file).unlink(missing_ok=True)

    def flush(self) -> None:
        """Do nothing: what was appended is already visible. Other stores buffer."""

    def compact(self, budget_seconds: float) -> int:
        """Merge small segments until the time is used up, one merge at least if there is one to do.

        Return the number of merges. Best called from a thread of its own: it only holds appends back for
        milliseconds. Raises StoreUnavailable.
        """
        with self._compacting:
            return self._compaction.run(self, budget_seconds)

    def plan(self) -> tuple[list[Segment], int, int]:
        """Return the segments in force, today as a day since 1970, and an id for a new segment (compaction's)."""
        with self._lock:
            self._next += 1
            return self._aside.left(self._manifest.segments()), self._now() // DAY, self._next - 1

    def set_aside(self, error: SegmentDamaged) -> None:
        """Take a damaged segment out of every later question."""
        with self._lock:
            self._aside.put(error)

    def replace(self, old: Sequence[Segment], new: Segment, merge: Merge) -> bool:
        """Put one segment in the place of others, at once; False when one of them was deleted meanwhile."""
        with self._lock:
            with self._manifest.transaction():
                alive = {segment.id for segment in self._manifest.segments()}
                if not alive >= {segment.id for segment in old}:
                    return False
                self._manifest.add(new)
                self._manifest.add_merge(new.file, merge, self._now())
                self._manifest.forget_merges(self._now() - MERGES_KEPT)
                self._manifest.ran("compaction", self._now(), {"merged": len(old), "rows": new.rows})
                self._manifest.retire([segment.id for segment in old], self._now())
                self._probe("replaced")
            self._probe("merged")
            self._known.drop([segment.id for segment in old])
            return True

    def describe(self, until: float) -> int:
        """Work out the digests of segments that have none and lie still, until a moment of the monotonic clock, one
        at least. Return how many; the evidence chain waits for them.

        What has just come is left to the next merge, which has its events at hand.
        """
        done = 0
        for segment in self._undescribed():
            try:
                events = digest(whole(self._folder, segment))
            except StoreUnavailable as error:
                log.warning("segment_not_described", file=segment.file, reason=str(error)[:300])
                self._fresh[segment.id] = self._now()
                if isinstance(error, SegmentDamaged):
                    self.set_aside(error)
                continue
            with self._lock, self._manifest.transaction():
                self._manifest.describe(segment.id, events)
                self._probe("described")
            done += 1
            if time.monotonic() >= until:
                break
        return done

    def _undescribed(self) -> list[Segment]:
        with self._lock:
            segments, now = self._aside.left(self._manifest.segments()), self._now()
            self._fresh = {one: at for one, at in self._fresh.items() if 0 <= now - at < STILL}
            return [one for one in segments if one.events is None and one.id not in self._fresh]

    def names(self, segment: Segment) -> bool:
        """Return whether the manifest names a segment's file."""
        with self._lock:
            return segment.file in self._manifest.files()

    def clean(self) -> int:
        """Delete the files of segments that were replaced a while ago; return how many."""
        with self._lock:
            gone = self._manifest.retired(self._now() - GRACE)
            for _, file in gone:
                remove(self._folder, file)
            if gone:
                self._probe("unlinked")
                with self._manifest.transaction():
                    self._manifest.forget([one for one, _ in gone])
                    self._probe("cleaned")
            return len(gone)

    def retain(self, keeping: Keeping) -> Retained:
        """Delete what arrived longer ago than the days of its class, then the oldest days of arrival while too large.

        Today's events and those that are held are never deleted; a segment that has a held event stays whole, so that
        its proof does. Each deletion of a day and class is written down, and the run. Raises StoreUnavailable.
        """
        with self._lock:
            now, holds = self._now(), Holding(self._folder, keeping.holds)
            segments = self._manifest.segments() + self._manifest.aside()
            choice = choose(segments, now // DAY, keeping, holds.holds)
            told = summary(choice)
            with self._manifest.transaction():
                for gone in choice.gone:
                    self._manifest.retire([segment.id for segment in gone.segments], now)
                    self._manifest.add_deletion(_deletion(gone, now))
                oldest = min((segment.day for segment in self._manifest.segments()), default=now // DAY)
                self._manifest.names.forget(oldest)
                self._probe("retained")
                self._manifest.ran("retention", now, {k: v for k, v in asdict(told).items() if k != "upto"})
            self._names = self._manifest.names.days()
            self._known.drop([segment.id for gone in choice.gone for segment in gone.segments])
            self.clean()
        return told

    def forget_results(self, below: int) -> int:
        """Forget results of batches below a journal seq, within a bound; return how many. Raises StoreUnavailable."""
        return in_rounds(lambda: self._forget_results(below))

    def _forget_results(self, below: int) -> int:
        with self._lock, self._manifest.transaction():
            return self._manifest.forget_results(below)

    def deletions(self) -> list[Deletion]:
        """Return what retention deleted so far, oldest first."""
        with self._lock:
            return self._manifest.deletions()

    def stats(self) -> Stats:
        """Return the size of the store."""
        with self._lock:
            return self._manifest.stats()

    def close(self) -> None:
        """Wait for a running merge and close the manifest."""
        with self._compacting, self._lock:
            self._manifest.close()
            self._only()


def _lock(folder: Path) -> int:
    handle = os.open(folder / "writer.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise StoreUnavailable(f"another process writes to {folder}") from error
    return handle


def _parts(rows: Rows, now: int, classes: Classes) -> Iterator[tuple[bool, str, Rows]]:
    """Part events by class, and those that happened about now from others, so that imports do not blur what is live."""
    # As floating point: the difference of two 64-bit times may need 65.
    late = np.abs(rows.times.astype(np.float64) - now) > DAY
    for source_class, taken in by_class(rows, classes):
        for is_late, chosen in ((False, taken & ~late), (True, taken & late)):
            part = rows.where(chosen)
            if len(part):
                yield is_late, source_class, part


def _deletion(gone: Gone, at: int) -> Deletion:
    parts = gone.segments
    return Deletion(
        at,
        gone.reason,
        gone.day,
        len(parts),
        sum(segment.rows for segment in parts),
        sum(segment.bytes for segment in parts),
        min(segment.min_time for segment in parts),
        max(segment.max_time for segment in parts),
        tuple(segment.file for segment in parts),
        gone.source_class,
    )

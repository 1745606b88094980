"""The cluster's writer: events go to the spool at once, and from there to the cluster by a thread of its own.

So the pipeline never waits for the cluster: while it is away, events are still detected, and wait on the disk.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import threading
import time
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson
import structlog

from appliance import clock
from appliance.journal import JournalUnavailable
from appliance.settings import ElasticSettings
from appliance.store.bounds import current
from appliance.store.classes import Classes, shipped
from appliance.store.elastic.bulk import Bulk, Refused
from appliance.store.elastic.client import connect
from appliance.store.elastic.columns import items_of
from appliance.store.elastic.documents import Item, writer_of
from appliance.store.elastic.documents import decode as decode_document
from appliance.store.elastic.known import documents, elsewhere, stored
from appliance.store.elastic.questions import Questions
from appliance.store.elastic.retention import Retention
from appliance.store.elastic.spool import Deleted, Spool, Standing
from appliance.store.elastic.sums import Summed, summed
from appliance.store.known import firsts, halves
from appliance.store.model import BatchResult, Keeping, QueryTimeout, Retained, StoreUnavailable
from appliance.store.shape import Rows

ASK_SECONDS = 3.0
"""How long the pipeline waits for the cluster's word on what it already has."""
SILENT_SECONDS = 30.0
"""How long a cluster that did not answer is not asked by the pipeline."""
SHIP_EVENTS = 8000
_MARK_BYTES = 4
FIRST_WAIT, LONGEST_WAIT = 0.5, 10.0
log = structlog.get_logger()


class ElasticStore:
    """The single writer of one box. Its methods may be called from several threads.

    `refused` takes what the cluster will never have. `now` gives microseconds since the epoch. With `background` a
    thread ships by itself; without it `flush` does. Each class of events has indices of its own, unless not `divided`.
    """

    def __init__(
        self,
        settings: ElasticSettings,
        spool: Path,
        refused: Refused,
        now: Callable[[], int] = clock.now,
        *,
        background: bool = True,
        divided: bool = True,
        classes: Classes | None = None,
    ) -> None:
        self._settings, self._now = settings, now
        self._classes = (shipped() if classes is None else classes) if divided else None
        self._only = weakref.finalize(self, os.close, lock(spool.with_name(f"{spool.name}.lock")))
        self._spool = Spool(spool, settings.spool_bytes)
        self._client = connect(settings)
        self._questions = Questions(self._client, f"{settings.index}-*", settings.timeout_seconds)
        self._bulk = Bulk(self._client, settings.shards, refused)
        self._retention = Retention(self._client, settings, self._spool)
        self._shipping = threading.Lock()
        self._silent_until = 0.0
        self.faults = 0
        """How often shipping failed for a reason that nobody foresaw."""
        self._stop, self._wake = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        if background:
            self._thread = threading.Thread(target=self._run, name="shipping", daemon=True)
            self._thread.start()

    def applied(self) -> int:
        """Return the journal seq up to which events were taken, 0 at first."""
        return self._spool.applied()

    def known(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Return which of these events wait or are in the cluster.

        While the cluster is away only what waits is known: an event that comes again then is matched again, but it is
        never written twice, since the cluster is asked before it is sent.
        """
        names = [name.hex() for name in rows.names]
        found = self._known(dict(zip(names, rows.times.tolist(), strict=True)))
        return np.fromiter((name in found for name in names), np.bool_, len(names))

    def _known(self, ids: dict[str, int]) -> set[str]:
        waiting = self._spool.waiting(ids)
        rest = {name: at for name, at in ids.items() if name not in waiting}
        if not rest or time.monotonic() < self._silent_until:
            return waiting
        try:
            return waiting | stored(self._questions, rest, current().within(ASK_SECONDS))
        except (StoreUnavailable, QueryTimeout) as error:
            self._silent_until = time.monotonic() + SILENT_SECONDS
            log.warning("cluster_silent", reason=str(error))
            return waiting

    def append(self, rows: Rows, results: Sequence[BatchResult], upto: int) -> None:
        """Take events, results and the applied journal seq, all or nothing and on disk on return.

        Events that repeat an id, waiting or in this call, are left out. Raises StoreUnavailable when the spool is full.
        """
        rows = rows.where(firsts(halves(rows.ids)))
        waiting = self._spool.waiting(name.hex() for name in rows.names)
        if waiting:
            rows = rows.where(np.fromiter((name.hex() not in waiting for name in rows.names), np.bool_, len(rows)))
        items = items_of(self._settings.index, rows, self._classes, secrets.token_hex(_MARK_BYTES))
        self._spool.put(items, results, upto, self._now())
        self._wake.set()

    def ship(self) -> bool:
        """Send what has waited longest; return whether there was anything. Raises StoreUnavailable."""
        with self._shipping:
            parcels = self._spool.oldest(SHIP_EVENTS)
            if not parcels:
                return False
            try:
                sums = self._sent({item.id: item for parcel in parcels for item in parcel.items})
            except (StoreUnavailable, QueryTimeout) as error:
                self._spool.failed(str(error), self._now())
                raise StoreUnavailable(str(error)) from error
            self._spool.done(parcels, self._now(), sums)
            self._silent_until = 0.0
            return True

    def _sent(self, items: dict[str, Item]) -> list[Summed]:
        """Write what is not there, and return the sums of what of all this is in the cluster by now."""
        # In its own index the id alone keeps a second one out, in that of another day or class it does not.
        there = elsewhere(self._questions, list(items.values()), self._questions.limits())
        sending = [item for name, item in items.items() if name not in there]
        with ThreadPoolExecutor(1) as aside:
            # While the cluster works there is nothing else to do; nearly always all is taken as it was sent.
            ahead = aside.submit(sums_of, sending)
            written = self._bulk.write(sending)
        there |= {item.id for item in written.there}
        taken = [*written.new, *self._ours([items[name] for name in there])]
        return ahead.result() if taken == sending else sums_of(taken)

    def _ours(self, items: Sequence[Item]) -> list[Item]:
        """Return those that are in the cluster because an earlier try was cut off, as they are there.

        What somebody else wrote, an earlier batch of ours too, is in the sums by whoever wrote it.
        """
        sent = {item.id: item for item in items}
        found = documents(self._questions, {item.id: item.time for item in items}, self._questions.limits())
        return [item for item in found if _same(item, sent[item.id])]

    def _run(self) -> None:
        """Ship until the end; a cluster that is away is tried again and again."""
        wait = FIRST_WAIT
        while not self._stop.is_set():
            try:
                if self.ship():
                    wait = FIRST_WAIT
                else:
                    self._wake.wait(LONGEST_WAIT)
                    self._wake.clear()
            except (StoreUnavailable, JournalUnavailable, OSError) as error:
                log.warning("shipping_failed", reason=str(error), retry_seconds=wait)
                wait = self._rest(wait)
            except Exception:  # nothing may end this thread: what waits is kept, and tried again
                self.faults += 1
                log.exception("shipping_failed", retry_seconds=wait)
                wait = self._rest(wait)

    def _rest(self, wait: float) -> float:
        """Wait before the next try, and meanwhile keep the pipeline from asking; return the next wait."""
        self._silent_until = time.monotonic() + SILENT_SECONDS
        self._stop.wait(wait)
        return min(wait * 2, LONGEST_WAIT)

    def flush(self) -> None:
        """Send everything that waits. Raises StoreUnavailable."""
        while self.ship():
            continue

    def compact(self, budget_seconds: float) -> int:  # noqa: ARG002 - the protocol's; the engine tidies by itself
        """Do nothing: the engine merges by itself."""
        return 0

    def retain(self, keeping: Keeping) -> Retained:
        """Delete the indices that are past the days of their class, then some past the bytes of the settings.

        Each index is deleted by its exact name, today's never, nor one that has held events. Raises StoreUnavailable.
        """
        return self._retention.run(keeping, self._now())

    def forget_results(self, below: int) -> int:
        """Forget results of batches below a journal seq, within a bound; return how many."""
        return self._spool.forget_results(below)

    def deletions(self) -> list[Deleted]:
        """Return what retention deleted so far, oldest first."""
        return self._spool.deletions()

    def standing(self) -> Standing:
        """Return what waits, and why."""
        return self._spool.standing()

    def close(self) -> None:
        """Stop shipping, and let go of the connections and the file."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=SILENT_SECONDS)
        self._client.close()
        self._spool.close()
        self._only()


def sums_of(items: Iterable[Item]) -> list[Summed]:
    """Return the sums of documents by index and hour of arrival."""
    by_index: defaultdict[str, list[tuple[str, bytes]]] = defaultdict(list)
    for item in items:
        by_index[item.index].append((item.id, item.body))
    return [one for index, found in by_index.items() for one in summed(index, found)]


def _same(one: Item, other: Item) -> bool:
    """Whether two documents are of one writer, and of one event: versions that named no writer had that alone."""
    first, second = decode_document(orjson.loads(one.body)), decode_document(orjson.loads(other.body))
    return writer_of(one) == writer_of(other) and first == second


def lock(path: Path) -> int:
    """Return the open file of a lock that one process has at a time. Raises StoreUnavailable when another has it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise StoreUnavailable(f"another process writes: {path}") from error
    return handle

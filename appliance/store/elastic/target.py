"""A cluster as the target of a copy: events straight into the indices of their days and classes, past the spool.

What is written is added to the sums of its hours, for the evidence chain. The spool knows of it before it is written,
and each document says that a copy wrote it: so what one that was cut off had written is found, and counted once, also
beside a box that ships the same events.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from appliance import clock
from appliance.normalise.model import Event
from appliance.settings import ElasticSettings
from appliance.store.classes import shipped
from appliance.store.elastic.bulk import Bulk
from appliance.store.elastic.client import connect
from appliance.store.elastic.columns import items_of
from appliance.store.elastic.documents import Item, writer_of
from appliance.store.elastic.known import documents, stored
from appliance.store.elastic.questions import Questions
from appliance.store.elastic.spool import Spool
from appliance.store.elastic.writer import lock, sums_of
from appliance.store.model import StoreUnavailable
from appliance.store.shape import encode, identity, moment

COPY = "copy"
"""What documents bear that a copy wrote."""


class ClusterTarget:
    """Writes events that the cluster does not have yet. `spool` is the file of the box's own writer, `divided` its too.

    Raises StoreUnavailable while another copy runs.
    """

    def __init__(
        self, settings: ElasticSettings, spool: Path, now: Callable[[], int] = clock.now, *, divided: bool = True
    ) -> None:
        self._only = weakref.finalize(self, os.close, lock(spool.with_name("copy.lock")))
        self._settings, self._now, client = settings, now, connect(settings)
        self._classes = shipped() if divided else None
        self._questions = Questions(client, f"{settings.index}-*", settings.timeout_seconds)
        self._bulk = Bulk(client, settings.shards, _refuse)
        self._spool = Spool(spool, settings.spool_bytes)

    def put(self, events: Sequence[Event]) -> None:
        """Write events; they can be read when it returns. Raises StoreUnavailable and QueryTimeout."""
        self._settle_earlier()
        times = {identity(event): moment(event) for event in events}
        there = stored(self._questions, times, self._questions.limits())
        self._spool.mean({name: at for name, at in times.items() if name not in there})
        missing = encode([event for event in events if identity(event) not in there])
        written = self._bulk.write(items_of(self._settings.index, missing, self._classes, COPY))
        # Another host may have taken them before it fell silent; or the box brought them meanwhile, and counts them.
        ours = self._ours({item.id: item.time for item in written.there})
        self._spool.settle(sums_of([*written.new, *ours]), self._now())

    def _settle_earlier(self) -> None:
        """Count what an earlier run had written when it was cut off."""
        meant = self._spool.meant()
        if meant:
            self._spool.settle(sums_of(self._ours(meant)), self._now())

    def _ours(self, times: Mapping[str, int]) -> Iterator[Item]:
        """Yield of events that are there, by id and time, the documents that a copy wrote."""
        found = documents(self._questions, times, self._questions.limits())
        return (item for item in found if writer_of(item) in (COPY, None))

    def close(self) -> None:
        """Close the connections and the file."""
        self._questions.client.close()
        self._spool.close()
        self._only()


def _refuse(item: Item, reason: str) -> None:
    raise StoreUnavailable(f"zdarzenie {item.id}: {reason}")

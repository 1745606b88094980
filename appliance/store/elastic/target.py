"""A cluster as the target of a copy: events straight into their days' indices, past the spool.

What is written is added to the sums of its hours, for the evidence chain. The spool knows of it before it is written:
so what a copy that was cut off had written is found, and counted once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from appliance import clock
from appliance.normalise.model import Event
from appliance.settings import ElasticSettings
from appliance.store.elastic.bulk import Bulk
from appliance.store.elastic.client import connect
from appliance.store.elastic.documents import Item, item_of
from appliance.store.elastic.known import documents, stored
from appliance.store.elastic.questions import Questions
from appliance.store.elastic.spool import Spool
from appliance.store.elastic.writer import sums_of
from appliance.store.model import StoreUnavailable
from appliance.store.shape import identity, moment


class ClusterTarget:
    """Writes events that the cluster does not have yet. `spool` is the file of the box's own writer."""

    def __init__(self, settings: ElasticSettings, spool: Path, now: Callable[[], int] = clock.now) -> None:
        self._settings, self._now, client = settings, now, connect(settings)
        self._questions = Questions(client, f"{settings.index}-*", settings.timeout_seconds)
        self._bulk = Bulk(client, settings.shards, _refuse)
        self._spool = Spool(spool, settings.spool_bytes)

    def put(self, events: Sequence[Event]) -> None:
        """Write events; they can be read when it returns. Raises StoreUnavailable and QueryTimeout."""
        self._settle_earlier()
        times = {identity(event): moment(event) for event in events}
        there = stored(self._questions, times, self._questions.limits())
        self._spool.mean({name: at for name, at in times.items() if name not in there})
        written = self._bulk.write(
            [item_of(self._settings.index, event) for event in events if identity(event) not in there]
        )
        self._spool.settle(sums_of([*written.new, *written.there]), self._now())

    def _settle_earlier(self) -> None:
        """Count what an earlier run had written when it was cut off."""
        meant = self._spool.meant()
        if meant:
            found = documents(self._questions, meant, self._questions.limits())
            self._spool.settle(sums_of(found), self._now())

    def close(self) -> None:
        """Close the connections and the file."""
        self._questions.client.close()
        self._spool.close()


def _refuse(item: Item, reason: str) -> None:
    raise StoreUnavailable(f"zdarzenie {item.id}: {reason}")

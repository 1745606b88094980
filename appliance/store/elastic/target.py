"""A cluster as the target of a copy: events straight into their days' indices, past the spool."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.normalise.model import Event
from appliance.settings import ElasticSettings
from appliance.store.elastic.bulk import Bulk
from appliance.store.elastic.client import connect
from appliance.store.elastic.documents import Item, item_of
from appliance.store.elastic.known import stored
from appliance.store.elastic.questions import Questions
from appliance.store.model import StoreUnavailable
from appliance.store.shape import identity, moment


class ClusterTarget:
    """Writes events that the cluster does not have yet."""

    def __init__(self, settings: ElasticSettings) -> None:
        self._settings, client = settings, connect(settings)
        self._questions = Questions(client, f"{settings.index}-*", settings.timeout_seconds)
        self._bulk = Bulk(client, settings.shards, _refuse)

    def put(self, events: Sequence[Event]) -> None:
        """Write events; they can be read when it returns. Raises StoreUnavailable and QueryTimeout."""
        times = {identity(event): moment(event) for event in events}
        there = stored(self._questions, times, self._questions.limits())
        self._bulk.write([item_of(self._settings.index, event) for event in events if identity(event) not in there])

    def close(self) -> None:
        """Close the connections."""
        self._questions.client.close()


def _refuse(item: Item, reason: str) -> None:
    raise StoreUnavailable(f"zdarzenie {item.id}: {reason}")

"""Opens the store that the settings name: the one place that knows which kinds there are."""

from __future__ import annotations

from appliance.clock import now
from appliance.home import Home
from appliance.journal import DeadLetter, DeadLetters
from appliance.settings import Settings
from appliance.store.model import Store, StoreWriter


def open_reader(home: Home, settings: Settings) -> Store:
    """Return the reader of a box's events; it asks nothing yet."""
    store = settings.store
    if not store.clustered:
        from appliance.store.reader import EmbeddedReader  # noqa: PLC0415 - DuckDB and Arrow take memory

        return EmbeddedReader(home.store)
    if store.kind == "embedded":
        from appliance.store.twin import TwinReader  # noqa: PLC0415 - as above

        return TwinReader(home.store, home.spool, store.elasticsearch.spool_bytes)
    from appliance.store.elastic.reader import ElasticReader  # noqa: PLC0415 - boxes without a cluster do not pay for it

    return ElasticReader(store.elasticsearch, home.spool)


def open_writer(home: Home, settings: Settings, letters: DeadLetters) -> StoreWriter:
    """Return the writer of a box's events; what a cluster will never take goes to the dead letters.

    Raises StoreUnavailable when another process writes.
    """
    store = settings.store
    if not store.clustered:
        from appliance.store.writer import EmbeddedStore  # noqa: PLC0415 - as above

        return EmbeddedStore(home.store)
    from appliance.store.elastic.documents import Item  # noqa: PLC0415 - as above
    from appliance.store.elastic.writer import ElasticStore  # noqa: PLC0415 - as above

    def refused(item: Item, reason: str) -> None:
        # No line of the batch is known any more: the id stands for it, below all lines, the same at each try.
        line = -1 - int(item.id[:8], 16)
        letters.add([DeadLetter("store", 0, line, reason, item.body, now())])

    cluster = ElasticStore(store.elasticsearch, home.spool, refused, divided=store.divided)
    if not store.both:
        return cluster
    from appliance.store.twin import TwinStore  # noqa: PLC0415 - as above
    from appliance.store.writer import EmbeddedStore  # noqa: PLC0415 - as above

    return TwinStore(EmbeddedStore(home.store), cluster)

"""The event store: `EmbeddedStore` writes (pipeline), `EmbeddedReader` answers (web, jobs, any process).

`StoreWriter` and `Store` are the interfaces of the two sides, which another engine can take over.
"""

from __future__ import annotations

from appliance.search import QueryError
from appliance.store.model import (
    BatchResult,
    Bucket,
    Cursor,
    Group,
    Groups,
    Measure,
    Page,
    ProcessNode,
    ProcessTree,
    QueryStopped,
    QueryTimeout,
    QueryTooLarge,
    Retained,
    Stats,
    Store,
    StoreUnavailable,
    StoreWriter,
)
from appliance.store.reader import EmbeddedReader
from appliance.store.writer import EmbeddedStore

__all__ = [
    "BatchResult",
    "Bucket",
    "Cursor",
    "EmbeddedReader",
    "EmbeddedStore",
    "Group",
    "Groups",
    "Measure",
    "Page",
    "ProcessNode",
    "ProcessTree",
    "QueryError",
    "QueryStopped",
    "QueryTimeout",
    "QueryTooLarge",
    "Retained",
    "Stats",
    "Store",
    "StoreUnavailable",
    "StoreWriter",
]

"""The event store: `EmbeddedStore` writes (pipeline), `EmbeddedReader` answers (web, jobs, any process).

`StoreWriter` and `Store` are the interfaces of the two sides. `open_writer` and `open_reader` open what the settings
name: these, or those of a cluster (`appliance/store/elastic`).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from appliance.search import QueryError
from appliance.store.missing import Damaged, Harm, Missing, SegmentDamaged
from appliance.store.model import (
    BatchResult,
    Bucket,
    Cursor,
    DayUsage,
    Group,
    Groups,
    Hold,
    Keeping,
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
    Usage,
    Waiting,
)
from appliance.store.opening import open_reader, open_writer

if TYPE_CHECKING:
    from appliance.store.reader import EmbeddedReader
    from appliance.store.writer import EmbeddedStore

__all__ = [
    "BatchResult",
    "Bucket",
    "Cursor",
    "Damaged",
    "DayUsage",
    "EmbeddedReader",
    "EmbeddedStore",
    "Group",
    "Groups",
    "Harm",
    "Hold",
    "Keeping",
    "Measure",
    "Missing",
    "Page",
    "ProcessNode",
    "ProcessTree",
    "QueryError",
    "QueryStopped",
    "QueryTimeout",
    "QueryTooLarge",
    "Retained",
    "SegmentDamaged",
    "Stats",
    "Store",
    "StoreUnavailable",
    "StoreWriter",
    "Usage",
    "Waiting",
    "open_reader",
    "open_writer",
]

_LATER = {"EmbeddedReader": "reader", "EmbeddedStore": "writer"}


def __getattr__(name: str) -> Any:
    """Import an engine when it is first asked for: Arrow takes memory, and who reads the manifest alone needs none."""
    if name not in _LATER:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)

"""Events as files: NDJSON, CSV (safe to open in a spreadsheet) and Parquet, written as they are read."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from appliance.clock import rfc3339
from appliance.search import Node
from appliance.store import Store
from appliance.store.bounds import bounded
from appliance.web.jsonlines import json_of
from appliance.web.parquet import parquet

LIMIT = 1_000_000
"""Events in one file."""
SECONDS = 900.0
"""Time in which a file must be done; one that takes longer breaks off."""
Form = Literal["ndjson", "csv", "parquet"]
KINDS: Mapping[Form, str] = {
    "ndjson": "application/x-ndjson",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
}
"""Form → media type."""
_BATCH = 1000
FIELDS = (
    "@timestamp",
    "host.name",
    "event.module",
    "event.code",
    "event.action",
    "user.name",
    "process.executable",
    "process.command_line",
    "process.parent.executable",
    "message",
    "event.ingested",
    "event.id",
)
"""Columns of a CSV for which the client names none."""
_TIMES = frozenset({"@timestamp", "event.created", "event.ingested"})
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def every(store: Store, query: Node, start: int | None, end: int | None, limit: int) -> Iterator[Mapping[str, Any]]:
    """Yield events that answer a query, newest first, a page of them in memory.

    Raises QueryTimeout, QueryStopped and StoreUnavailable, also after the first events.
    """
    deadline = time.monotonic() + SECONDS
    after: str | None = None
    while limit > 0:
        with bounded(seconds=deadline - time.monotonic()):
            found = store.search(query, start, end, min(limit, _BATCH), after)
        yield from found.events
        limit -= len(found.events)
        after = found.next
        if after is None:
            return


def file_of(form: Form, events: Iterable[Mapping[str, Any]], fields: Sequence[str]) -> Iterator[bytes]:
    """Yield a file of events; without fields all of them, in a CSV those that tell most."""
    if form == "parquet":
        return parquet(events, fields)
    return ndjson(events, fields) if form == "ndjson" else csv_rows(events, fields or FIELDS)


def ndjson(events: Iterable[Mapping[str, Any]], fields: Sequence[str] = ()) -> Iterator[bytes]:
    """Yield one line of JSON an event, with these fields or all."""
    for event in events:
        chosen = {name: event[name] for name in fields if name in event} if fields else dict(event)
        yield json_of(chosen) + b"\n"


def csv_rows(events: Iterable[Mapping[str, Any]], fields: Sequence[str]) -> Iterator[bytes]:
    """Yield a CSV (RFC 4180, UTF-8 with its mark, so that spreadsheets read Polish letters) with a heading."""
    yield "\ufeff".encode() + _row([harmless(name) for name in fields])
    for event in events:
        yield _row([_cell(name, event.get(name, "")) for name in fields])


def harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return "'" + text if text.startswith(_FORMULA) else text


def _cell(name: str, value: Any) -> str:
    if name in _TIMES and isinstance(value, int):
        return rfc3339(value)
    if isinstance(value, (tuple, list)):
        value = " ".join(map(str, value))
    return harmless(str(value).replace("\x00", ""))


def _row(cells: Sequence[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue().encode("utf-8", "replace")

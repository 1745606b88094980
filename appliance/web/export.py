"""Events as files: NDJSON and CSV, written row by row, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from appliance.clock import rfc3339

LIMIT = 100_000
"""Events in one file."""
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


def ndjson(events: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Yield one line of JSON an event."""
    for event in events:
        yield orjson.dumps(dict(event), default=str, option=orjson.OPT_APPEND_NEWLINE)


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

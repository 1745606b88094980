"""Files of events: what is in them, that nothing is lost, and their bounds."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

from appliance.normalise.model import Event
from appliance.search import Kind, columns
from appliance.store import EmbeddedStore
from appliance.store.shape import encode
from appliance.web import export as module
from appliance.web.export import file_of
from appliance.web.parquet import OTHER, ROWS, parquet
from appliance.web.policy import Scope
from tests.appliance.alerts.conftest import hit
from tests.appliance.store.strategies import events
from tests.appliance.web.conftest import TestBox


def read(file: bytes) -> list[dict[str, Any]]:
    table = pq.read_table(io.BytesIO(file))
    times = [name for name in table.column_names if columns().get(name) is Kind.DATE]
    for name in times:
        place = table.column_names.index(name)
        table = table.set_column(place, name, table.column(name).cast(pa.int64()))
    return table.to_pylist()


def plain(value: object) -> object:
    """Return a value as JSON has it: a list for a tuple, nothing for a number that is none."""
    if isinstance(value, tuple):
        return [plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@settings(deadline=None, max_examples=40)
@given(events())
def test_lines_hold_every_value_of_every_event(drawn: list[Event]) -> None:
    lines = b"".join(file_of("ndjson", drawn, ())).splitlines()
    assert [json.loads(line) for line in lines] == [{n: plain(v) for n, v in event.items()} for event in drawn]


@settings(deadline=None, max_examples=30)
@given(events())
def test_a_parquet_file_holds_every_value_of_every_event(drawn: list[Event]) -> None:
    rows = read(b"".join(parquet(drawn)))
    assert len(rows) == len(drawn)
    for row, event in zip(rows, drawn, strict=True):
        other = json.loads(row.pop(OTHER) or "{}")
        typed = {name: value for name, value in row.items() if value is not None}
        assert typed.keys().isdisjoint(other)
        assert typed | other == {name: value if name in typed else plain(value) for name, value in event.items()}


def test_chosen_fields_alone() -> None:
    drawn: list[Event] = [{"event.id": "0" * 32, "a": 1, "event.code": "x"}]
    (row,) = read(b"".join(file_of("parquet", drawn, ("event.code", "event.id", OTHER))))
    assert row == {"event.id": "0" * 32, "event.code": None, OTHER: '{"event.code":"x"}'}
    assert b"".join(file_of("ndjson", drawn, ("a", "b"))) == b'{"a":1}\n'


def test_a_file_is_handed_on_while_it_is_written() -> None:
    given_out = 0

    def source() -> Iterator[Event]:
        nonlocal given_out
        for number in range(3 * ROWS):
            given_out += 1
            yield {"event.id": f"{number:032x}", "@timestamp": number}

    parts = parquet(source())
    next(parts)
    assert given_out == ROWS
    assert len(read(b"PAR1" + b"".join(parts))) == 3 * ROWS


def test_files_over_the_api(box: TestBox) -> None:
    party = box.token(Scope.EVENTS_READ)
    whole = box.get("/events/export?format=parquet", party)
    assert (whole.headers["content-type"], whole.headers["x-events-total"]) == ("application/vnd.apache.parquet", "3")
    ids = [row["event.id"] for row in read(whole.content)]
    assert ids == [event["event.id"] for event in box.get("/events", party).json()["items"]]
    some = box.get("/events/export?limit=2&fields=event.id", party)
    assert [json.loads(line) for line in some.content.splitlines()] == [{"event.id": one} for one in ids[:2]]
    assert some.headers["x-events-total"] == "3"
    for wrong in ("limit=0", "limit=1000001", "format=xlsx", "q=("):
        assert box.get(f"/events/export?{wrong}", party).status_code == 422


def test_a_file_of_many_pages_has_each_event_once(box: TestBox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BATCH", 7)
    writer = EmbeddedStore(box.context.home.store)
    writer.append(encode([dict(hit(n).event) for n in range(100, 150)]), [], 99)
    writer.close()
    lines = box.get("/events/export?q=host:pc-7", box.token(Scope.EVENTS_READ)).content.splitlines()
    assert len({json.loads(line)["event.id"] for line in lines}) == len(lines) == 53

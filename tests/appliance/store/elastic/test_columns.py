"""A table's documents are those of its events one by one, whatever values it has."""

from __future__ import annotations

import pytest
from hypothesis import given

from agent.wire.event import event_id
from appliance.normalise.model import Event
from appliance.store.classes import shipped
from appliance.store.elastic.columns import documents_of, items_of
from appliance.store.elastic.documents import Item, arrival, dump, encode
from appliance.store.elastic.mapping import BY, LONG, LONGEST, index_name
from appliance.store.shape import Rows, decode, identity, moment
from appliance.store.shape import encode as rows_of
from appliance.store.sorting import by_class
from tests.appliance.store.strategies import events


def _one_by_one(rows: Rows) -> list[object]:
    return [encode(event) for event in decode(rows.table)]


def _item(event: Event) -> Item:
    ((source_class, _),) = by_class(rows_of([event]), shipped())
    index = index_name("x", arrival(event), source_class)
    return Item(index, identity(event), moment(event), dump({**encode(event), BY: "me"}))


@given(events())
def test_any_events_become_the_same_documents(given_events: list[Event]) -> None:
    rows = rows_of(given_events)
    assert documents_of(rows.table) == _one_by_one(rows)
    assert items_of("x", rows, shipped(), "me") == list(map(_item, decode(rows.table)))
    half = len(rows) // 2
    assert documents_of(rows.table.slice(half)) == _one_by_one(rows)[half:]


ODD: dict[str, Event] = {
    "an address in a zone": {"source.ip": "fe80::1%eth0", "destination.ip": "10.0.0.1"},
    "a list of addresses": {"source.ip": ("10.0.0.1", "::1")},
    "a list with something that is none": {"source.ip": ("10.0.0.1", "serwer")},
    "a list of texts": {"event.category": ("process", "file"), "host.ip": ("10.0.0.1",)},
    "lists of numbers and truths": {"process.pid": (1, 2), "event.time_corrected": (True, False)},
    "a mixed list": {"event.category": ("process", 1, 1.5, False)},
    "a list without elements": {"event.category": (), "winlog.event_data.X": ()},
    "a number past 64 bits": {"process.pid": 1 << 70, "event.ingested": 1 << 70},
    "a text that is too long": {"message": "x" * (LONGEST + 1)},
    "one that is just not": {"message": "ż" * LONGEST},
    "an entry that is too long": {"winlog.event_data.X": "😀" * LONGEST},
    "a name that is too long": {"x" * (LONGEST + 1): "1"},
    "a name that looks like ours": {"a\\\x1f\x1e": "x", "_id": ("x", 2, 2.5)},
    "accountability": {"event.category": "authentication", "event.ingested": 1_800_000_000_000_000},
    "accountability in a list, at no time of ours": {"event.category": ("file", "iam"), "event.ingested": "x"},
    "nothing more": {},
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("at", [-(1 << 63), -62_135_596_800_000_001, -1, 0, 1_800_000_000_000_123, (1 << 63) - 1])
def test_odd_values_and_times_beside_plain_ones_do_too(odd: str, at: int) -> None:
    plain: Event = {"host.name": "PC-1", "process.pid": 5, "message": "x"}
    made = [{"event.id": event_id(n), "@timestamp": at, **one} for n, one in enumerate([plain, ODD[odd], plain])]
    rows = rows_of(made)
    assert documents_of(rows.table) == _one_by_one(rows)
    assert items_of("x", rows, shipped(), "me") == list(map(_item, decode(rows.table)))


def test_only_what_is_too_long_is_named() -> None:
    made: list[Event] = [
        {"event.id": event_id(n), "@timestamp": n, "message": "x" * size} for n, size in enumerate([5, LONGEST, 9000])
    ]
    assert [found.get(LONG) for found in documents_of(rows_of(made).table)] == [None, None, ["message"]]

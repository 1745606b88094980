"""Documents keep events exactly, whatever shape they have."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.normalise.model import Event
from appliance.search import columns
from appliance.store.elastic.documents import decode, displaced, dump, encode, entry_start, read
from appliance.store.elastic.mapping import BY, LONG, LONGEST, NAMES, REST, TEXT, TIME
from tests.appliance.store.strategies import events, texts
from tests.appliance.store.test_equality import comparable

ID = "0" * 32


@given(events())
def test_events_survive_exactly(given_events: list[Event]) -> None:
    for event in given_events:
        document = orjson.loads(dump(encode(event)))
        assert comparable(decode(document)) == comparable(event)
        for moved in (displaced(document, None), displaced(document, "host.name"), displaced(document, "unknown")):
            assert comparable(decode(orjson.loads(dump(moved)))) == comparable(event)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8), texts)
def test_any_name_and_text_can_be_an_entry(name: str, text: str) -> None:
    assert read(entry_start(name, "s") + text) == (name, "s", text)


@pytest.mark.parametrize(
    "name", ["\x1f", "\x1e", "a\\", "\\u", "\\\x1f", "_id", "__proto__", "a.b", TIME, REST, TEXT, BY]
)
def test_names_that_look_like_ours_are_entries(name: str) -> None:
    event: Event = {"event.id": ID, "@timestamp": 1, name: ("x", 2, False, 2.5)}
    document = encode(event)
    assert document[NAMES] == [name]
    assert decode(document) == event


def test_values_of_another_type_are_entries_and_typed_ones_are_not() -> None:
    document = encode(
        {"event.id": ID, "@timestamp": 1, "process.pid": "7", "source.ip": "fe80::1%eth0", "event.code": 5}
    )
    assert document["event.code"] == 5
    assert not {"process.pid", "source.ip"} & set(document)
    assert document[NAMES] == ["process.pid", "source.ip"]


@pytest.mark.parametrize(("text", "long"), [("x" * LONGEST, False), ("x" * (LONGEST + 1), True), ("😀" * 4096, True)])
def test_what_the_engines_do_not_index_is_named(text: str, long: bool) -> None:
    document = encode({"event.id": ID, "@timestamp": 1, "message": text, "event.category": ("a", text)})
    assert document.get(LONG, []) == (["message", "event.category"] if long else [])


def test_lone_surrogates_become_replacement_characters() -> None:
    back = decode(
        orjson.loads(dump(encode({"event.id": ID, "@timestamp": 1, "message": "a\ud800", "x\udfff": "\ud800"})))
    )
    assert (back["message"], back["x\ufffd"]) == ("a\ufffd", "\ufffd")


def test_our_own_names_are_none_of_the_schemas() -> None:
    assert not {TIME, REST, NAMES, TEXT, LONG, BY} & set(columns())

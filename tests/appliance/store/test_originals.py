"""Records beside events: those of the wanted classes get theirs, what a source sent itself stays as it was."""

from __future__ import annotations

from appliance.normalise.model import Event
from appliance.search import matches, parse
from appliance.store import EmbeddedReader, EmbeddedStore
from appliance.store.originals import FIELD, with_originals
from appliance.store.shape import decode, encode
from tests.appliance.store.conftest import Make

SIGN_IN = {"event.category": "authentication"}
WANTED = frozenset({"accountability"})


def test_events_of_the_wanted_classes_get_their_records(make: Make) -> None:
    events = [
        make(0, **SIGN_IN),
        make(1),
        make(2, **SIGN_IN, **{FIELD: "sent \ud800"}),
        make(3, **SIGN_IN, **{FIELD: ("a", "b")}),
        make(4, **{FIELD: "sent too"}),
    ]
    rows = with_originals(encode(events), events, [b"zero \xff", b"one", b"two", b"three", b"four"], WANTED)
    wanted = ["zero \ufffd", None, "sent \ufffd", ("a", "b"), "sent too"]
    assert [event.get(FIELD) for event in decode(rows.table)] == wanted
    assert [event.get(FIELD) for event in events] == [*wanted[:2], "sent \ud800", *wanted[3:]]


def test_nothing_changes_where_no_class_is_wanted(make: Make) -> None:
    events = [make(0), make(1)]
    rows = encode(events)
    assert with_originals(rows, events, [b"a", b"b"], WANTED) is rows
    assert with_originals(encode([]), [], [], WANTED).table.num_rows == 0


def test_words_are_not_found_in_originals_but_by_their_name(
    store: EmbeddedStore, reader: EmbeddedReader, make: Make
) -> None:
    events: list[Event] = [
        make(0, **SIGN_IN, message="alpha"),
        make(1, **SIGN_IN),
        make(2, **{FIELD: ("alpha", "x")}, odd="beta"),
    ]
    rows = with_originals(encode(events), events, [b"alpha", b"alpha", b""], WANTED)
    store.append(rows, [], 1)
    for query, count in (("alpha", 1), ("-alpha", 2), ("event.original:alpha", 3), ("beta", 1), ("/al[p]ha/", 1)):
        assert reader.count(query) == sum(matches(parse(query), event) for event in events) == count, query

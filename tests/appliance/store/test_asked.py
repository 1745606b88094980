"""Which segments a question asks together."""

from __future__ import annotations

import pytest

from agent.wire.event import event_id
from appliance.search import parse
from appliance.store import EmbeddedReader, EmbeddedStore
from appliance.store.asked import named, parts_of
from appliance.store.manifest import Segment
from appliance.store.shape import encode
from tests.appliance.store.conftest import Make


def segment(number: int, rest: frozenset[str] | None) -> Segment:
    return Segment(number, f"{number}.parquet", 0, False, 1, 1, 1, 0, 0, (), rest)


PARTS = {
    "user.name:x": [[1, 3], [2, 4]],
    "user.name:x OR file.path:*": [[3], [1, 2, 4]],
    "NOT (host.name:x user.name:y)": [[1, 3], [2, 4]],
    "user.name:x free": [[1, 2, 3, 4]],
    "": [[1, 2, 3], [4]],
}


@pytest.mark.parametrize("query", PARTS)
def test_segments_whose_lists_need_not_be_read_are_asked_apart(query: str) -> None:
    rests = {1: frozenset({"file.path"}), 2: frozenset({"user.name", "x"}), 3: frozenset[str](), 4: None}
    parts = parts_of(parse(query), [segment(number, rest) for number, rest in rests.items()])
    assert [[one.id for one in part] for part in parts] == PARTS[query]


def test_names_of_a_question() -> None:
    users = frozenset({"user.name", "winlog.event_data.User", "winlog.event_data.TargetUserName"})
    assert named(parse("user:a -host:b")) == users | {"host.name"}
    assert named(parse("user:a OR b")) is None


def test_pages_go_through_both_parts_in_order(store: EmbeddedStore, reader: EmbeddedReader, make: Make) -> None:
    store.append(encode([make(n, **{"user.name": "x"}) for n in range(0, 40, 2)]), [], 1)
    store.append(encode([make(n, **{"user.name": ("x", "y")}) for n in range(1, 40, 2)]), [], 2)
    seen: list[object] = []
    after: str | None = None
    while True:
        page = reader.search("user.name:x", limit=7, after=after)
        seen += [event["event.id"] for event in page.events]
        after = page.next
        if after is None:
            break
    assert seen == [event_id(n) for n in reversed(range(40))]
    assert reader.count("user.name:y") == 20

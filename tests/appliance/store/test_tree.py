"""Process trees: by GUID and by number, both ways, and their bounds."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.wire.event import event_id
from appliance.normalise.model import Event
from appliance.search import Node, matches
from appliance.store import EmbeddedReader, EmbeddedStore, Page, ProcessTree
from appliance.store.shape import encode
from appliance.store.tree import MAX_NODES, tree
from tests.appliance.store.conftest import NOW, Make


def shape(found: ProcessTree) -> dict[str, str | None]:
    return {str(node.event["event.id"]): node.parent for node in found.nodes}


def ids(pairs: dict[int, int | None]) -> dict[str, str | None]:
    return {event_id(one): None if parent is None else event_id(parent) for one, parent in pairs.items()}


def test_a_tree_by_guid_goes_both_ways(store: EmbeddedStore, reader: EmbeddedReader, make: Make) -> None:
    parents = {1: 0, 2: 1, 3: 2, 4: 3, 5: 3, 6: 4, 7: 1, 8: 99, 10: 6}
    starts = [
        make(n, **{"process.entity_id": f"{{{n}}}", "process.parent.entity_id": f"{{{parent}}}"})
        for n, parent in parents.items()
    ]
    inner = make(9, **{"process.entity_id": "{6}", "message": "a file was opened"})
    store.append(encode([*starts, inner]), [], 1)
    whole = reader.process_tree(starts[2])
    assert shape(whole) == ids({1: None, 2: 1, 3: 2, 4: 3, 5: 3, 6: 4, 10: 6})
    assert whole.complete
    assert shape(reader.process_tree(inner)) == ids({1: None, 2: 1, 3: 2, 4: 3, 6: 4, 9: 6, 10: 6})
    one_up = reader.process_tree(starts[2], up=1, down=1)
    assert (shape(one_up), one_up.complete) == (ids({2: None, 3: 2, 4: 3, 5: 3}), False)
    few = reader.process_tree(starts[0], limit=3)
    assert (len(few.nodes), few.complete) == (3, False)


def test_a_number_that_is_used_again_is_another_process(
    store: EmbeddedStore, reader: EmbeddedReader, make: Make
) -> None:
    store.append(
        encode(
            [
                make(1, **{"process.pid": 100, "process.parent.pid": 1}),
                make(2, **{"process.pid": 200, "process.parent.pid": 100}),
                make(3, **{"process.pid": 100, "process.parent.pid": 7}),
                make(4, **{"process.pid": 300, "process.parent.pid": 100}),
                make(5, **{"process.pid": 400, "process.parent.pid": 200}),
                make(6, **{"process.pid": 500, "process.parent.pid": 100, "host.name": "PC-2"}),
            ]
        ),
        [],
        1,
    )
    first, second = reader.get(event_id(1)), reader.get(event_id(3))
    assert first
    assert second
    assert shape(reader.process_tree(first)) == ids({1: None, 2: 1, 5: 2})
    assert shape(reader.process_tree(second)) == ids({3: None, 4: 3})


def test_all_children_are_found_until_the_number_is_borne_again(
    store: EmbeddedStore, reader: EmbeddedReader, make: Make
) -> None:
    children = [make(n, **{"process.pid": 1000 + n, "process.parent.pid": 100}) for n in range(2, 50)]
    again = make(50, **{"process.pid": 100, "process.parent.pid": 7})
    late = [make(n, **{"process.pid": 1000 + n, "process.parent.pid": 100}) for n in range(51, 60)]
    root = make(1, **{"process.pid": 100, "process.parent.pid": 5})
    store.append(encode([root, *children, again, *late]), [], 1)
    found = reader.process_tree(root)
    assert shape(found) == ids({1: None} | dict.fromkeys(range(2, 50), 1))
    assert shape(reader.process_tree(again)) == ids({50: None} | dict.fromkeys(range(51, 60), 50))


def test_a_loop_and_an_event_without_process_end(store: EmbeddedStore, reader: EmbeddedReader, make: Make) -> None:
    loop = [
        make(0, **{"process.entity_id": "b", "process.parent.entity_id": "a"}),
        make(1, **{"process.entity_id": "a", "process.parent.entity_id": "b"}),
        make(2, **{"process.entity_id": "c", "process.parent.entity_id": "c"}),
    ]
    store.append(encode([*loop, make(3)]), [], 1)
    assert len(reader.process_tree(loop[0]).nodes) == 2
    assert len(reader.process_tree(loop[2]).nodes) == 1
    assert shape(reader.process_tree(make(3))) == ids({3: None})


def test_a_fork_bomb_is_cut_and_said_to_be(store: EmbeddedStore, reader: EmbeddedReader, make: Make) -> None:
    bomb = [make(n, **{"process.entity_id": str(n), "process.parent.entity_id": str(n // 2)}) for n in range(1, 3000)]
    store.append(encode(bomb), [], 1)
    found = reader.process_tree(bomb[0], down=1000, limit=10**6)
    assert (len(found.nodes), found.complete) == (MAX_NODES, False)
    deep = [make(n, **{"process.pid": n, "process.parent.pid": n - 1}) for n in range(5001, 5100)]
    store.append(encode(deep), [], 2)
    long = reader.process_tree(deep[98], up=10**6, down=1)
    assert (len(long.nodes), long.complete) == (51, False)


class Listed:
    """A store of a list of events, which is all that a tree asks for."""

    def __init__(self, events: list[Event]) -> None:
        self.events = sorted(events, key=lambda one: (one["@timestamp"], one["event.id"]))

    def search(
        self, query: Node, start: int, end: int, limit: int, after: str | None = None, *, descending: bool = True
    ) -> Page:
        found = [one for one in self.events if start <= int(str(one["@timestamp"])) < end and matches(query, one)]
        ordered, begin = found[::-1] if descending else found, int(after or 0)
        stop = begin + limit
        return Page(ordered[begin:stop], str(stop) if stop < len(ordered) else None, 0)


starts = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=24)


@settings(deadline=None, max_examples=60)
@given(starts)
def test_every_node_hangs_where_the_nearest_start_before_it_says(drawn: list[tuple[int, int, int]]) -> None:
    made: list[Event] = [
        {
            "event.id": event_id(n),
            "@timestamp": NOW + at,
            "host.name": "h",
            "process.pid": pid,
            "process.parent.pid": up,
        }
        for n, (at, pid, up) in enumerate(sorted(drawn))
    ]
    listed = Listed(made)
    root = listed.events[0]
    wanted: dict[str, str] = {}
    for one in listed.events[1:]:
        before = [
            other
            for other in listed.events
            if (other["@timestamp"], other["event.id"]) < (one["@timestamp"], one["event.id"])
            and other["process.pid"] == one["process.parent.pid"]
        ]
        if before and (before[-1] is root or str(before[-1]["event.id"]) in wanted):
            wanted[str(one["event.id"])] = str(before[-1]["event.id"])
    found = shape(tree(listed, root, 0, 50, MAX_NODES))  # type: ignore[arg-type]
    assert {one: parent for one, parent in found.items() if parent} == wanted

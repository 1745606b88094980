"""The host's last state: what is sent, once, and what a lost round costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.inventory.section import DAY
from agent.inventory.store import Store
from agent.posture.check import Finding
from agent.wire.event import Record
from agent.wire.inventory import canonical, digest, item_fields

_KEYS = st.sampled_from(["a", "b", "c", "d"])
_FIELDS: list[Record] = [{"user.id": "1"}, {"user.id": "2"}, {}]
_TABLE = st.dictionaries(_KEYS, st.sampled_from(_FIELDS))


class Box:
    """A box that keeps the tables as STA's interface says."""

    def __init__(self) -> None:
        self.table: dict[str, str] = {}
        self.states: list[Record] = []

    def take(self, records: list[Record]) -> None:
        for record in records:
            if record["event.action"] == "inventory_item":
                self.table[str(record["inventory.key"])] = canonical(item_fields(record))
                if record["inventory.state"] == "gone":
                    del self.table[str(record["inventory.key"])]
            elif record["event.action"] == "inventory_state":
                self.states.append(record)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "inventory.db"


def _round(store: Store, seen: int, now: float, items: dict[str, Any], **options: Any) -> tuple[int, list[Record]]:
    number = store.begin(seen)
    store.keep("package", items, number, now, **options)
    return number, list(store.records(seen, number, now, **options))


@given(st.lists(st.tuples(_TABLE, st.booleans()), max_size=6))
@settings(max_examples=6)
def test_the_box_agrees_after_every_round_that_arrives_whatever_was_lost_before(
    tmp_path_factory: pytest.TempPathFactory, rounds: list[tuple[dict[str, Record], bool]]
) -> None:
    store = Store(tmp_path_factory.mktemp("store") / "inventory.db")
    box, seen = Box(), 0
    last: dict[str, Record] = {"a": {"user.id": "3"}}
    for items, arrives in [*rounds, (last, True)]:
        number, records = _round(store, seen, 1000.0, items)
        if arrives:
            box.take(records)
            seen = number
            assert box.table == {key: canonical(fields) for key, fields in items.items()}
            assert all(box.states[-1]["inventory.digest"] == digest(box.table.items()) for _ in box.states[-1:])
    store.close()


def test_a_round_in_which_nothing_changed_sends_nothing_and_a_day_later_the_state(path: Path) -> None:
    store = Store(path)
    seen, first = _round(store, 0, 1000.0, {"a": {"user.id": "1"}})
    assert [record["event.action"] for record in first] == ["inventory_item", "inventory_state"]
    seen, quiet = _round(store, seen, 2000.0, {"a": {"user.id": "1"}})
    assert quiet == []
    _, daily = _round(store, seen, 1000.0 + DAY, {"a": {"user.id": "1"}})
    assert [(record["event.action"], record["inventory.revision"]) for record in daily] == [("inventory_state", 1)]
    store.close()


def test_a_whole_round_sends_everything_under_a_new_revision_and_says_so(path: Path) -> None:
    store = Store(path)
    seen, _ = _round(store, 0, 1000.0, {"a": {}, "b": {}})
    _, records = _round(store, seen, 1001.0, {"b": {}, "c": {}}, whole=True)
    told = [
        (record.get("inventory.key"), record.get("inventory.state"), record["inventory.revision"]) for record in records
    ]
    assert told == [("a", "gone", 2), ("b", "present", 2), ("c", "present", 2), (None, None, 2)]
    assert records[-1]["inventory.whole"] is True
    store.close()


def test_a_section_that_could_not_be_looked_at_keeps_its_items_and_says_why(path: Path) -> None:
    store = Store(path)
    seen, _ = _round(store, 0, 1000.0, {"a": {}})
    number = store.begin(seen)
    store.keep_problem("package", "timeout", number, 1001.0)
    (state,) = list(store.records(seen, number, 1001.0))
    assert (state["inventory.problem"], state["inventory.count"], state["inventory.revision"]) == ("timeout", 1, 1)
    _, again = _round(store, number, 1002.0, {"a": {}})
    assert [record.get("inventory.problem") for record in again] == [None]
    store.close()


def test_sections_and_checks_are_due_by_their_interval_and_after_the_clock_went_back(path: Path) -> None:
    store = Store(path)
    assert store.due("package", 100, 1000.0)
    assert store.posture_due(100, 1000.0)
    _round(store, 0, 1000.0, {})
    store.posture_done(1000.0)
    assert [store.due("package", 100, now) for now in (1050.0, 1100.0, 900.0)] == [False, True, True]
    assert [store.posture_due(100, now) for now in (1050.0, 1100.0, 900.0)] == [False, True, True]
    store.close()


def test_a_verdict_is_said_when_it_changes_and_once_a_day(path: Path) -> None:
    store, seen, told = Store(path), 0, []
    for now, finding in (
        (0.0, Finding("pass")),
        (60.0, Finding("pass")),
        (120.0, Finding("fail", "off", "zapora")),
        (120.0 + DAY, Finding("fail", "off", "zapora")),
    ):
        number = store.begin(seen)
        store.keep_finding("firewall", finding, number, now)
        told.append([(r["posture.result"], r["posture.revision"]) for r in store.records(seen, number, now)])
        seen = number
    assert told == [[("pass", 1)], [], [("fail", 2)], [("fail", 2)]]
    assert store.findings() == {"firewall": Finding("fail", "off", "zapora")}
    store.close()


def test_a_damaged_file_is_begun_anew_and_its_numbers_go_on(path: Path) -> None:
    path.write_bytes(b"not a database" * 100)
    store = Store(path)
    number, records = _round(store, 41, 1000.0, {"a": {}})
    assert number == 42
    assert len(records) == 2
    assert json.loads(canonical(records[0])) == {}
    store.close()
    assert len(list(path.parent.glob(f"{path.name}.damaged-*"))) == 1

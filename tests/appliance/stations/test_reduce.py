"""What is told twice changes nothing, what is told late does not undo what is newer."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.stations.reduce import (
    NEWER,
    RESTARTED,
    STALE,
    Change,
    Finding,
    Item,
    Section,
    finding_after,
    item_after,
    state_kind,
)
from appliance.stations.told import FindingTold, ItemTold, StateTold


def told(revision: int, value: int | None) -> ItemTold:
    fields = None if value is None else {"inventory.value": value}
    return ItemTold("package", "bash", fields, "" if fields is None else f"{value}", revision, revision * 10)


def through(records: Sequence[ItemTold]) -> Item | None:
    item: Item | None = None
    for record in records:
        after = item_after(item, record)
        item = item if after is None else after[0]
    return item


@given(st.lists(st.none() | st.integers(0, 3), min_size=1, max_size=8).flatmap(
    lambda values: st.tuples(st.just(values), st.permutations([*enumerate(values, 1)] * 2))
))  # fmt: skip
def test_any_order_and_any_repetition_end_the_same(
    drawn: tuple[list[int | None], list[tuple[int, int | None]]],
) -> None:
    values, shuffled = drawn
    wanted = through([told(number, value) for number, value in enumerate(values, 1)])
    found = through([told(number, value) for number, value in shuffled])
    assert wanted is not None
    assert found is not None
    assert (found.revision, found.gone_at is None) == (wanted.revision, wanted.gone_at is None)
    if found.gone_at is None:
        assert found.fields == wanted.fields


def test_changes_say_only_what_differs() -> None:
    first = item_after(None, ItemTold("software", "x", {"a": 1, "b": 2}, "1", 1, 10))
    assert first is not None
    assert first[1] == Change("new", None, {"a": 1, "b": 2})
    second = item_after(first[0], ItemTold("software", "x", {"a": 1, "c": 3}, "2", 2, 20))
    assert second is not None
    assert second[1] == Change("changed", {"b": 2}, {"c": 3})
    assert (second[0].first_seen, second[0].changed_at) == (10, 20)
    gone = item_after(second[0], ItemTold("software", "x", None, "", 3, 30))
    assert gone is not None
    assert gone[1] == Change("gone", {"a": 1, "c": 3}, None)
    assert gone[0].gone_at == 30


@pytest.mark.parametrize(
    ("revision", "at", "kind"),
    [(6, 60, NEWER), (5, 50, NEWER), (4, 40, STALE), (1, 60, RESTARTED), (6, 40, NEWER), (5, 40, STALE)],
)
def test_a_state_is_newer_late_or_of_an_agent_that_counts_anew(revision: int, at: int, kind: str) -> None:
    assert state_kind(Section(5, 50), StateTold("package", revision, 0, "0" * 32, at)) == kind


def test_a_finding_keeps_since_when_it_holds() -> None:
    known = Finding("fail", "off", "C: off", 10, 20, 2)
    same = finding_after(known, FindingTold("disk_encryption", "fail", "off", "C: off, D: off", 3, 30))
    assert same == (Finding("fail", "off", "C: off, D: off", 10, 30, 3), None)
    better = finding_after(known, FindingTold("disk_encryption", "pass", "", "", 3, 30))
    assert better is not None
    assert better[0].since == 30
    assert better[1] is not None
    assert better[1].what == "changed"
    assert finding_after(known, FindingTold("disk_encryption", "pass", "", "", 1, 10)) is None

"""Two stores side by side, as two walks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.wire.event import event_id
from appliance.normalise.model import Event
from appliance.store.comparing import NAMED, TELL_EVERY, Compared, compare


def event(number: int, text: str = "") -> Event:
    return {"@timestamp": number // 3, "event.id": event_id(number), "message": text}


def walk(numbers: dict[int, str]) -> list[Event]:
    found = [event(number, text) for number, text in numbers.items()]
    return sorted(found, key=lambda one: (one["@timestamp"], one["event.id"]))


STORES = st.dictionaries(st.integers(0, 40), st.sampled_from(["", "a"]), max_size=40)


@given(STORES, STORES)
def test_differences_are_those_of_the_sets(one: dict[int, str], two: dict[int, str]) -> None:
    found = compare(walk(one), walk(two), lambda _: None)
    both = one.keys() & two.keys()
    assert (found.first, found.second) == (len(one), len(two))
    assert found.differing == {
        "missing": len(one.keys() - both),
        "more": len(two.keys() - both),
        "other": sum(one[number] != two[number] for number in both),
    }
    assert found.same is (one == two)
    assert len(found.named) == min(NAMED, sum(found.differing.values()))


def test_differences_past_the_bound_are_counted_and_progress_is_told() -> None:
    told: list[int] = []
    found = compare(walk(dict.fromkeys(range(TELL_EVERY), "")), [], lambda done: told.append(done.first))
    assert found.differing["missing"] == TELL_EVERY
    assert len(found.named) == NAMED
    assert found.named[0] == ("missing", 0, min(event_id(n) for n in range(3)))
    assert told[-1] == TELL_EVERY
    assert isinstance(found, Compared)

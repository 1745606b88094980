"""Deterministic identities."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.wire.event import event_id

PARTS = st.lists(st.one_of(st.text(), st.integers(), st.booleans()), min_size=1, max_size=5)


def test_known_identity_does_not_change_between_versions() -> None:
    assert event_id("boot", "audit", "1:2") == "eae4f69767746cf4b6e0c58e10941a16"


@given(PARTS)
def test_equal_parts_give_equal_ids_of_32_hex_digits(parts: list[object]) -> None:
    made = event_id(*parts)
    assert made == event_id(*parts)
    assert len(made) == 32
    assert int(made, 16) >= 0


def test_where_a_part_ends_matters() -> None:
    assert event_id("ab", "c") != event_id("a", "bc")


def test_a_lone_surrogate_has_an_identity() -> None:
    assert event_id("\ud800") != event_id("\ud801")

"""The parts of a question's time."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from appliance.clock import DAY, MINUTE
from appliance.search.nodes import Everything
from appliance.store import Cursor
from appliance.store.elastic.questions import LAST_SLICE, Asked

NOW = 1_795_300_000_000_000
moments = st.none() | st.integers(NOW - 900 * DAY, NOW + DAY)


@given(start=moments, end=moments, descending=st.booleans())
def test_parts_are_all_of_the_time_in_its_order(start: int | None, end: int | None, *, descending: bool) -> None:
    asked = Asked(Everything(), start, end, descending)
    if asked.empty:
        return
    parts = list(asked.slices(NOW))
    assert len(parts) <= 6
    ordered = parts[::-1] if descending else parts
    assert (ordered[0].start, ordered[-1].end) == (start, end)
    assert all(one.end == other.start for one, other in pairwise(ordered))
    assert not any(part.empty for part in parts)
    bounded = [part.end - part.start for part in parts[1:-1] if part.start is not None and part.end is not None]
    assert bounded == sorted(bounded)
    assert max(bounded, default=0) <= LAST_SLICE


def test_the_first_part_is_a_minute() -> None:
    newest, middle, oldest = (
        next(iter(one.slices(NOW)))
        for one in (Asked(Everything()), Asked(Everything(), end=NOW - DAY), Asked(Everything(), 5, None, False))
    )
    assert (newest.start, newest.end) == (NOW - MINUTE, None)
    assert (middle.start, middle.end) == (NOW - DAY - MINUTE, NOW - DAY)
    assert (oldest.start, oldest.end) == (5, 5 + MINUTE)


@given(at=st.integers(NOW - DAY, NOW), start=moments, end=moments, descending=st.booleans())
def test_past_a_cursor_is_what_lies_behind_it(at: int, start: int | None, end: int | None, *, descending: bool) -> None:
    left = Asked(Everything(), start, end, descending).after(Cursor(at, "0" * 32))
    if descending:
        assert (left.start, left.end) == (start, min(at + 1, end or at + 1))
    else:
        assert (left.start, left.end) == (max(at, start or at), end)
    assert Asked(Everything(), start, end, descending).after(None) == Asked(Everything(), start, end, descending)

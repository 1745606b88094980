"""Measuring a clock against the box's: its error, its text, and when it is news."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wire.clocks import MOST, MUCH, Measured, Skew, measure, parse_measured

SECOND = 1_000_000
NOW = 1_790_000_000 * SECOND
OFFSETS = st.integers(-MOST, MOST)


@given(OFFSETS, st.integers(0, 20 * SECOND), st.integers(0, 20 * SECOND))
def test_the_true_difference_lies_within_half_the_exchange(offset: int, there: int, back: int) -> None:
    elapsed = there + back
    box = max(0, NOW + there + offset)
    measured = measure(NOW, NOW + elapsed, elapsed, str(box))
    assert measured is not None
    assert abs(measured.offset - (box - NOW - there)) <= elapsed // 2 + 1
    assert measured.rtt == elapsed


@pytest.mark.parametrize("time", [None, "", "-1", "x", "1e9", "9" * 19, "１２", " 5"])
def test_without_a_readable_time_nothing_is_known(time: str | None) -> None:
    assert measure(NOW, NOW + 5, 5, time) is None


@pytest.mark.parametrize("jump", [-3600 * SECOND, 3600 * SECOND, 2 * SECOND])
def test_a_clock_that_was_set_or_slept_meanwhile_tells_nothing(jump: int) -> None:
    assert measure(NOW, NOW + 100 + jump, 100, str(NOW)) is None


@given(st.builds(Measured, OFFSETS, st.integers(0, MOST)))
def test_what_was_measured_travels_unchanged(measured: Measured) -> None:
    assert parse_measured(measured.text) == measured


@pytest.mark.parametrize("text", [None, "", "1", "1 -1", "+1 1", "1 1 1", "1.5 1", "x" * 9000, "１ 1", f"{'9' * 20} 1"])
def test_another_form_is_no_measure(text: str | None) -> None:
    assert parse_measured(text) is None


def test_what_is_beyond_a_hundred_years_is_taken_as_that() -> None:
    assert parse_measured(f"-{'9' * 19} {'9' * 19}") == Measured(-MOST, MOST)


def test_much_is_told_once_and_its_end_too() -> None:
    skew, said = Skew(), []
    for offset in (0, 50, 61, 61, 65, 200, 190, 65, 40, 29, 0, -61):
        now = Measured(offset * SECOND, 1000)
        if skew.news(now):
            said.append(offset)
            skew.told(now)
    assert said == [61, 200, 65, 29, -61]


def test_a_slow_line_is_no_wrong_clock() -> None:
    assert not Skew().news(Measured(MUCH + 5 * SECOND, 20 * SECOND))
    assert Skew().news(Measured(-MUCH - 11 * SECOND, 20 * SECOND))

"""So many in a second of the caller's clock, wherever it goes."""

from __future__ import annotations

from collector.pace import Pace


def test_each_second_has_its_own_share_and_a_clock_that_goes_back_a_new_one() -> None:
    pace = Pace()
    asked = [7, 7, 7, 8, 7, 7, 7]
    assert [pace.may(second, 2) for second in asked] == [True, True, False, True, True, True, False]


def test_nothing_is_allowed_where_the_share_is_nothing() -> None:
    assert not Pace().may(0, 0)

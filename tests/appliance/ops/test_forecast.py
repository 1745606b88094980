"""When the disk will be full."""

from __future__ import annotations

import pytest

from appliance.ops.forecast import forecast
from appliance.store import DayUsage, Keeping

TODAY = 20_000


def days(count: int, size: int = 10, source_class: str = "ordinary") -> list[DayUsage]:
    return [DayUsage(TODAY - count + n, source_class, 1, size) for n in range(count)] + [
        DayUsage(TODAY, source_class, 1, 1)
    ]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_two_days_are_too_little(count: int) -> None:
    assert forecast(days(count), TODAY, Keeping({"ordinary": 30}, 1000)) is None


def test_days_far_apart_are_too_little() -> None:
    old = [DayUsage(TODAY - 100 + n, "ordinary", 1, 10) for n in range(50)]
    assert forecast([*old, DayUsage(TODAY - 1, "ordinary", 1, 10)], TODAY, Keeping({"ordinary": 300}, 10_000)) is None


def test_without_a_bound_there_is_nothing_to_tell() -> None:
    assert forecast(days(20), TODAY, Keeping({"ordinary": 30})) is None


def test_a_disk_that_fills_has_its_day() -> None:
    found = forecast(days(10), TODAY, Keeping({"ordinary": 700}, 200))
    assert found is not None
    # 101 bytes today, 10 more a day: past 200 on the tenth day from now.
    assert (found.per_day, found.full) == (10, TODAY + 10)


def test_what_goes_in_its_time_makes_room() -> None:
    found = forecast(days(10), TODAY, Keeping({"ordinary": 20}, 220))
    assert found is not None
    assert found.full is None
    assert 200 <= found.level <= 220
    later = forecast(days(10), TODAY, Keeping({"ordinary": 20}, 190))
    assert later is not None
    assert later.full is not None


def test_each_class_goes_in_its_own_time() -> None:
    both = days(10) + days(10, 5, "accountability")
    keeping = Keeping({"ordinary": 20, "accountability": 40}, 10_000)
    found = forecast(both, TODAY, keeping)
    assert found is not None
    assert (found.per_day, found.full) == (15, None)
    assert 20 * 10 + 40 * 5 <= found.level <= 22 * 10 + 42 * 5


def test_a_store_that_is_too_large_already_is_full_tomorrow() -> None:
    found = forecast(days(10), TODAY, Keeping({"ordinary": 700}, 50))
    assert found is not None
    assert found.full == TODAY + 1

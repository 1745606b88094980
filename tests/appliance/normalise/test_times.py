"""Times of every form and year."""

from __future__ import annotations

import pytest

from appliance.normalise.times import EARLIEST, LATEST, guess_time, parse_time


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("2026-03-02T08:15:30.1234567Z", 1_772_439_330_123_456),
        ("2026-03-02T08:15:30.123456789Z", 1_772_439_330_123_456),
        ("2026-03-02 08:15:30.123", 1_772_439_330_123_000),
        ("2026-03-02T09:15:30+01:00", 1_772_439_330_000_000),
        ("1601-01-01T00:00:00Z", EARLIEST),
        ("9999-12-31T23:59:59.999999Z", LATEST),
        ("1600-12-31T23:59:59Z", None),
        ("9999-12-31T23:59:59-01:00", None),
        ("0001-01-01T00:00:00+23:00", None),
        ("wczoraj", None),
        ("", None),
        ("2" * 100, None),
        (EARLIEST - 1, None),
        (LATEST, LATEST),
        (True, None),
        (None, None),
        (float("nan"), None),
    ],
)
def test_own_times(text: object, micros: int | None) -> None:
    assert parse_time(text) == micros


@pytest.mark.parametrize(
    ("value", "micros"),
    [
        (1_772_439_330, 1_772_439_330_000_000),
        ("1772439330", 1_772_439_330_000_000),
        (1_772_439_330.5, 1_772_439_330_500_000),
        (1_772_439_330_123, 1_772_439_330_123_000),
        (1_772_439_330_123_456, 1_772_439_330_123_456),
        (134_169_129_301_234_567, 1_772_439_330_123_456),
        (1_772_439_330_123_456_789, 1_772_439_330_123_456),
        (10**30, None),
        (float("inf"), None),
        (float("nan"), None),
        (False, None),
    ],
)
def test_foreign_times_are_told_by_their_size(value: object, micros: int | None) -> None:
    assert guess_time(value) == micros

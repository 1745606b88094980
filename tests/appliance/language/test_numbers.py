"""Numbers, sizes, percentages and telephone numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.language.numbers import number, phone, shares, size


def plain(text: str) -> str:
    return text.replace("\u00a0", "~")


@pytest.mark.parametrize(
    ("n", "pl", "en"),
    [
        (0, "0", "0"),
        (2741, "2741", "2,741"),
        (9999, "9999", "9,999"),
        (10_000, "10~000", "10,000"),
        (12_345, "12~345", "12,345"),
        (1_234_567, "1~234~567", "1,234,567"),
        (-12_345, "-12~345", "-12,345"),
        (1.5, "1,5", "1.5"),
        (2.0, "2", "2"),
        (-0.01, "0", "0"),
        (12_345.67, "12~345,7", "12,345.7"),
    ],
)
def test_number(n: float, pl: str, en: str) -> None:
    assert plain(number(n, "pl")) == pl
    assert plain(number(n, "en")) == en


def test_number_with_more_digits() -> None:
    assert number(3.14159, "pl", decimals=3) == "3,142"


@pytest.mark.parametrize("n", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_refused(n: float) -> None:
    with pytest.raises(ValueError, match="written"):
        number(n, "pl")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_float_can_be_written(n: float) -> None:
    assert "e" not in number(n, "pl").lower()


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0~B"),
        (999, "999~B"),
        (1000, "1~kB"),
        (1_400_000_000, "1,4~GB"),
        (999_949, "1~MB"),
        (99_940, "99,9~kB"),
        (123_400_000, "123~MB"),
        (5_000_000_000_000, "5~TB"),
        (7 * 10**21, "7000~EB"),
    ],
)
def test_size_is_decimal(count: int, text: str) -> None:
    assert plain(size(count, "pl")) == text


@pytest.mark.parametrize(
    ("parts", "texts"),
    [
        ((8, 8, 3), ["42,1%", "42,1%", "15,8%"]),
        ((9997, 3, 0), ["99,9%", "0,1%", "0%"]),
        ((9_999_999, 1), ["99,9%", "0,1%"]),
        ((5, 0), ["100%", "0%"]),
        ((1, 1, 1), ["33,3%", "33,4%", "33,3%"]),
    ],
)
def test_shares_make_a_hundred_and_never_flatter(parts: tuple[int, ...], texts: list[str]) -> None:
    assert shares(parts, "pl") == texts


@given(st.lists(st.integers(0, 10**15), min_size=2, max_size=5).filter(any))
def test_a_hundred_percent_is_only_said_of_all(parts: list[int]) -> None:
    found = shares(parts, "en")
    assert round(sum(float(one[:-1]) for one in found), 1) == 100
    assert (found[0] == "100%") == (not any(parts[1:]))


def test_shares_of_nothing_are_dashes() -> None:
    assert shares([0, 0], "pl") == ["–", "–"]


@pytest.mark.parametrize(
    ("digits", "text"),
    [
        ("221234567", "22~123~45~67"),
        ("600700800", "600~700~800"),
        ("+48600700800", "+48~600~700~800"),
        ("22 123-45-67", "22~123~45~67"),
        ("112", "112"),
        ("wew. 15", "wew. 15"),
    ],
)
def test_phone(digits: str, text: str) -> None:
    assert plain(phone(digits)) == text

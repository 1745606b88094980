"""Plural forms: the numbers that the style guide lists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.language import plural

ALERTS = ("{n} alert", "{n} alerty", "{n} alertów")


@pytest.mark.parametrize(
    ("count", "index"),
    [
        *[(0, 2), (1, 0), (2, 1), (4, 1), (5, 2), (11, 2), (12, 2), (14, 2), (21, 2), (22, 1), (25, 2), (100, 2)],
        *[(101, 2), (102, 1), (112, 2), (122, 1)],
    ],
)
def test_polish_form_of_each_listed_number(count: int, index: int) -> None:
    assert plural.form(count, "pl") == index
    assert plural.choose(count, ALERTS, "pl") == ALERTS[index]


@given(st.integers(-(10**12), 10**12))
def test_polish_form_is_that_of_gettext(count: int) -> None:
    n = abs(count)
    gettext = 0 if n == 1 else 1 if 2 <= n % 10 <= 4 and (n % 100 < 10 or n % 100 >= 20) else 2
    assert plural.form(count, "pl") == gettext


@pytest.mark.parametrize(("count", "index"), [(0, 1), (1, 0), (2, 1), (21, 1), (101, 1)])
def test_english_form(count: int, index: int) -> None:
    assert plural.form(count, "en") == index


def test_wrong_number_of_forms_is_refused() -> None:
    with pytest.raises(ValueError, match="3 forms wanted, 2 given"):
        plural.choose(2, ("alert", "alerty"), "pl")


def test_unknown_language_is_refused() -> None:
    with pytest.raises(KeyError):
        plural.forms("de")

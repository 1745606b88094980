"""Patterns for regular expressions: never less than the expression finds, and telling where it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.search.evaluate import element_matches
from appliance.search.nodes import Pattern, Wild
from appliance.search.regex import regex
from appliance.search.regextree import Regex
from appliance.store.elastic.regexes import MAX_TEXT, patterns
from tests.appliance.store.strategies import regexes, texts

MANY = Wild.MANY


@given(regexes, st.lists(texts, min_size=1, max_size=4).map("".join) | texts)
def test_what_an_expression_finds_fits_a_pattern(expression: Regex, text: str) -> None:
    if element_matches(expression, text):
        assert any(element_matches(one, text) for one in patterns(expression))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("plik\\*\\.(txt|csv)", [(MANY, "plik*.", MANY)]),
        ("^Kowalsk[ai]$", [("kowalsk", MANY)]),
        ("^abc$|de+f", [("abc",), (MANY, "de", MANY, "f", MANY)]),
        ("(ab){2,}c?", [(MANY, "ab", MANY)]),
        ("\\d+", [(MANY,)]),
        ("żółꟊw", [(MANY, "żół", MANY, "w", MANY)]),
        ("^$", [()]),
        ("|".join("abcdefghijklmnopqrst"), [(MANY,)]),
    ],
)
def test_the_texts_that_must_be_there_are_asked_for(text: str, wanted: list[tuple[str | Wild, ...]]) -> None:
    assert patterns(regex(text)) == [Pattern(parts, inside=False) for parts in wanted]


def test_long_expressions_are_asked_for_in_part() -> None:
    (found,) = patterns(regex("^" + "ab" * 200 + "$"))
    assert found == Pattern(("ab" * (MAX_TEXT // 2), MANY), inside=False)

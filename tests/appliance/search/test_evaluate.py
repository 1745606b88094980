"""The reference itself: patterns mean what regular expressions mean, in time that grows with the text alone."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.search import Field, Kind, matches
from appliance.search.fold import fold
from appliance.search.nodes import Leaf, Pattern, Wild
from tests.appliance.store.strategies import patterns

letters = st.text("ab\n", max_size=8)
MESSAGE = (Field("message", Kind.TEXT),)


def _meant(pattern: Pattern, text: str) -> bool:
    signs = {Wild.MANY: ".*", Wild.ONE: "."}
    body = "".join(re.escape(part) if isinstance(part, str) else signs[part] for part in pattern.parts)
    find = re.compile(body, re.DOTALL)
    return (find.search(text) if pattern.inside else find.fullmatch(text)) is not None


parts = st.lists(letters | st.sampled_from(Wild), min_size=1, max_size=7).map(tuple)


@given(st.builds(Pattern, parts, st.booleans()) | patterns(), letters)
def test_a_pattern_means_what_its_regular_expression_means(pattern: Pattern, text: str) -> None:
    found = matches(Leaf(MESSAGE, pattern), {"message": text})
    assert found == _meant(pattern, fold(text))


@pytest.mark.parametrize("inside", [True, False])
def test_many_wildcards_over_a_long_text_are_decided_at_once(*, inside: bool) -> None:
    stars = tuple(part for _ in range(8) for part in (Wild.MANY, "a", Wild.ONE))
    assert not matches(Leaf(MESSAGE, Pattern((*stars, "b"), inside)), {"message": "a" * 200_000})

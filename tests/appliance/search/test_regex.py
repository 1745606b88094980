"""Regular expressions: what they mean, what is refused and where, and that no bomb costs more than its bound."""

from __future__ import annotations

import re
import time

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.search import QueryError
from appliance.search.automaton import Automaton
from appliance.search.fold import fold
from appliance.search.regex import MAX_LENGTH, MAX_NESTED, MAX_REPEAT, regex
from appliance.store.re2 import re2

FOUND = [
    ("b", "abc"), ("^abc$", "abc"), ("^a|c$", "xc"), ("a.c", "A\nC"), ("[A-C]+", "xbx"), ("[^a-c]", "abcd"),
    (r"\d{2,3}", "a12"), (r"^\w+\s\w+$", "ab cd"), (r"\x41\u017b", "aż"), ("ŻÓŁ+W", "żółłw"),
    (r"c:\\win", "C:\\Windows"), ("", "a"),
    ("(a|b)*c", "abac"), ("(?:ab){2}", "abab"), ("a{0}", ""), ("^$", ""), (r"[\d.]+$", "v1.2"), ("a*?b", "b"),
    (r"[\]a]", "]"), ("[a-]", "-"), (r"\$\^", "$^"), ("^(a|)$", ""), (r"\W", "ż"),
    ("İ", "i"), ("[^x]", "\U0010ffff"), ("a{3,}", "aaaa"),
]  # fmt: skip
MISSED = [
    ("^b", "abc"), ("b$", "abc"), ("a{3}", "aa"), ("[^a-z]", "ABC"), (r"\D", "12"), (r"\S", " \t\n"), ("a.c", "ac"),
    ("^(ab)+$", "aba"), ("ss", "ß"), (r"\d", "٣"), ("[A-Z]", "ż"),
]  # fmt: skip
REFUSED = [
    ("(a", 0, "regex_bracket"), ("a)", 1, "regex_bracket"), ("a[b", 1, "regex_bracket"), ("[]", 0, "regex_bracket"),
    ("*a", 0, "regex_repeat"), ("a**", 2, "regex_repeat"), ("x{,3}", 1, "regex_repeat"), ("a{1", 1, "regex_repeat"),
    ("a{9,1}", 1, "regex_count"), (f"a{{{MAX_REPEAT + 1}}}", 1, "regex_count"), ("a^b", 1, "regex_anchor"),
    ("(^a)", 1, "regex_anchor"), ("a$b", 1, "regex_anchor"), ("[z-a]", 2, "regex_span"), (r"[\d-z]", 3, "regex_span"),
    (r"a\b", 1, "regex_unknown"), (r"(a)\1", 3, "regex_unknown"), ("(?=a)", 0, "regex_unknown"),
    ("(?i)a", 0, "regex_unknown"),
    (r"\x4", 0, "regex_unknown"), (r"\p{L}", 0, "regex_unknown"), (r"[\W]", 1, "regex_unknown"),
    ("a\\", 1, "regex_unknown"),
    ("a" * (MAX_LENGTH + 1), MAX_LENGTH, "regex_long"), ("(" * 99 + "a" + ")" * 99, MAX_NESTED, "deep"),
    ("(a{200}){200}", 0, "regex_large"), ("a.{30}b", 0, "regex_large"), ("((a{9}){9}){99}", 0, "regex_large"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "text"), FOUND)
def test_found(expression: str, text: str) -> None:
    assert Automaton(regex(expression)).matches(fold(text))


@pytest.mark.parametrize(("expression", "text"), MISSED)
def test_not_found(expression: str, text: str) -> None:
    assert not Automaton(regex(expression)).matches(fold(text))


@pytest.mark.parametrize(("expression", "position", "key"), REFUSED)
def test_what_is_refused_has_its_place(expression: str, position: int, key: str) -> None:
    with pytest.raises(QueryError) as caught:
        regex(expression, 100)
    assert (caught.value.position - 100, caught.value.key) == (position, key)


@pytest.mark.parametrize("expression", ["(a+)+$", "(a|a)*b", "(.*)*x", "(a*)*(a*)*(a*)*b", "(x+x+)+y"])
def test_what_kills_backtracking_engines_is_linear(expression: str) -> None:
    began = time.process_time()
    assert not Automaton(regex(expression)).matches("a" * 200_000 + "!")
    assert time.process_time() - began < 5


parts = st.recursive(
    st.sampled_from(["a", "b", "ż", ".", "[ab]", "[^a]", r"\d", "1", r"\\", "%"]),
    lambda inner: (
        st.builds("({}|{})".format, inner, inner)
        | st.builds("{}{}".format, inner, inner)
        | st.builds("({})*".format, inner)
        | st.builds("({})+".format, inner)
        | st.builds("({})?".format, inner)
        | st.builds("({}){{1,2}}".format, inner)
    ),
    max_leaves=5,
)
expressions = st.builds("{}{}{}".format, st.sampled_from(["", "^"]), parts, st.sampled_from(["", "$", "|^1$"]))
subjects = st.text(alphabet="ab1ż\\%\n", max_size=8)


@settings(deadline=None, max_examples=100)
@given(expressions, st.lists(subjects, min_size=5, max_size=5))
def test_three_engines_agree(expression: str, texts: list[str]) -> None:
    tree = regex(expression)
    python = re.compile(expression.replace("$", r"\Z"), re.DOTALL | re.ASCII)
    automaton = Automaton(tree)
    asked = duckdb.execute("SELECT list_transform($1, lambda x: regexp_matches(x, $2))", [texts, re2(tree)]).fetchone()
    assert asked is not None
    assert [automaton.matches(text) for text in texts] == [bool(python.search(text)) for text in texts] == asked[0]

"""The condition line: what is read, what is refused, and that it costs no more than its length."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.detect.compiled import compile_node
from appliance.detect.conditions import MAX_BRACKETS, condition_node, selects
from appliance.detect.faulty import Refused
from appliance.detect.nodes import Atom, Op
from tests.appliance.detect.kit import decide, document, parse

NAMES = {name: Atom(name, Op.EXISTS) for name in ("a", "b", "c")}


@st.composite
def conditions(draw: st.DrawFn, depth: int = 0) -> str:
    """A condition that is also an expression of Python, which binds its operators alike."""
    kind = draw(st.integers(0, 3 if depth < 4 else 0))
    if kind == 0:
        return draw(st.sampled_from(sorted(NAMES)))
    inner = conditions(depth=depth + 1)
    if kind == 1:
        return "not " + draw(inner) if draw(st.booleans()) else f"not ({draw(inner)})"
    if kind == 2:
        return f"({draw(inner)})"
    return f"{draw(inner)} {draw(st.sampled_from(['and', 'or']))} {draw(inner)}"


@settings(max_examples=200, deadline=None)
@given(conditions(), st.sets(st.sampled_from(sorted(NAMES))))
def test_operators_bind_as_in_python(text: str, present: set[str]) -> None:
    event = dict.fromkeys(present, "x")
    wanted = eval(text, {}, {name: name in present for name in NAMES})
    assert compile_node(condition_node(text, NAMES))(event) is wanted


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "kończy się"),
        ("a and", "kończy się"),
        ("a b", "and lub or"),
        ("a AND b", "małymi literami: and"),
        ("(a", "niezamknięty nawias"),
        ("a)", "bez otwierającego"),
        ("and a", "powinna stać nazwa"),
        ("()", "powinna stać nazwa"),
        ("'a", "cudzysłów"),
        ("a 'and' b", "and lub or"),
        ("2 of a*", "nie Sigma"),
        ("1 of", "nie Sigma"),
        ("1 of x*", "nie pasuje"),
        ("x", "nie ma"),
        ("a | count() > 5", "korelacji"),
        ("(" * (MAX_BRACKETS + 1) + "a" + ")" * (MAX_BRACKETS + 1), "nawiasów"),
        ("(" * 1000 + "a" + ")" * 1000, "nawiasów"),
        ("a or " * 16_000 + "a", "znaków"),
        (7, "musi być tekstem"),
    ],
)
def test_what_is_no_condition_says_why(text: object, hint: str) -> None:
    with pytest.raises(Refused, match=hint):
        condition_node(text, NAMES)


def test_the_longest_and_the_deepest_condition_are_quick() -> None:
    start = process_time()
    for text in ("not " * 2046 + "a", "a or " * 1638 + "a", "(" * 100 + "a" + ")" * 100, "(a) and " * 1000 + "a"):
        condition_node(text, NAMES)
    assert process_time() - start < 2


def test_identifiers_may_look_like_words_of_the_language() -> None:
    text = "notepad: {f: x}\nor-else: {g: x}\nall: {h: x}\n1of: {i: x}\ncondition: notepad and or-else and all and 1of"
    assert parse(document(text)).faults == []
    names = {name: Atom(name, Op.EXISTS) for name in ("notepad", "or-else", "all", "1of", "żółw.1")}
    node = condition_node("notepad and or-else and all and not 1of or żółw.1", names)
    assert compile_node(node)({"notepad": "x", "or-else": "x", "all": "x"})
    assert compile_node(node)({"żółw.1": "x"})


def test_quoted_identifiers_may_have_spaces() -> None:
    names = {name: Atom(name, Op.EXISTS) for name in ("my part", "and", "b")}
    assert compile_node(condition_node("'my part' and \"and\" and not b", names))({"my part": "x", "and": "x"})


def test_selectors() -> None:
    text = "sel-a: {f: x}\nsel_b: {g: x}\n_sel_c: {h: x}\ncondition: "
    assert decide(text.replace("sel-a", "sel_a") + "1 of *", f="x")
    assert not decide(text.replace("sel-a", "sel_a") + "any of sel*", h="x")
    assert decide(text.replace("sel-a", "sel_a") + "1 of _sel*", h="x")
    assert parse(document(text + "all of sel-*")).faults == []


@pytest.mark.parametrize(
    ("pattern", "name", "wanted"),
    [
        ("sel*", "sel", True),
        ("*b", "a_b", True),
        ("s*l*c", "s1lxc", True),
        ("sel", "sel", True),
        ("sel", "sel2", False),
        ("s.l", "sel", False),
        ("SEL*", "sel", False),
        ("*", "_x", False),
        ("_*", "_x", True),
    ],
)
def test_a_selector_takes(pattern: str, name: str, *, wanted: bool) -> None:
    assert selects(pattern, name) is wanted

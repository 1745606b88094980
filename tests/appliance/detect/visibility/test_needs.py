"""Blindness against brute force: a rule called blind matches no event that can be made of the fields there are."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.detect.compiled import compile_node
from appliance.detect.nodes import All, AnyOf, Atom, Const, Node, Not, Op
from appliance.detect.nodes import fields as names_of
from appliance.detect.visibility.needs import can_match, missing, needed

FIELDS = ("a", "b", "c", "d")
VALUES = ("x", "y")


def equals(name: str, value: str = "x") -> Atom:
    return Atom(name, Op.EQUALS, value)


def has(*names: str) -> Any:
    return frozenset(names).__contains__


def events(present: frozenset[str]) -> Iterator[dict[str, str]]:
    """Every event of the present fields, each absent or one of the values."""
    for values in product((None, *VALUES), repeat=len(present)):
        yield {name: value for name, value in zip(sorted(present), values, strict=True) if value is not None}


def brute(node: Node, present: frozenset[str]) -> bool:
    test = compile_node(node)
    return any(test(event) for event in events(present))


atoms = st.one_of(
    st.builds(equals, st.sampled_from(FIELDS), st.sampled_from(VALUES)),
    st.builds(lambda name: Atom(name, Op.NULL), st.sampled_from(FIELDS)),
    st.builds(lambda name: Atom(name, Op.EXISTS), st.sampled_from(FIELDS)),
    st.builds(lambda one, two: Atom(one, Op.FIELD, (two, "equals")), st.sampled_from(FIELDS), st.sampled_from(FIELDS)),
    st.builds(Const, st.booleans()),
)
nodes = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.lists(inner, min_size=1, max_size=3).map(lambda children: All(tuple(children))),
        st.lists(inner, min_size=1, max_size=3).map(lambda children: AnyOf(tuple(children))),
    ),
    max_leaves=6,
)
presents = st.frozensets(st.sampled_from(FIELDS))


@settings(max_examples=400, deadline=None)
@given(nodes, presents)
def test_a_rule_that_is_called_blind_matches_nothing(node: Node, present: frozenset[str]) -> None:
    if brute(node, present):
        assert can_match(node, present.__contains__)
        assert needed(node, present.__contains__) == frozenset()


@st.composite
def read_once(draw: st.DrawFn) -> Node:
    """A condition that looks at each field once, so that its parts are independent."""
    left = [equals(name) for name in draw(st.permutations(FIELDS))]
    parts: list[Node] = [Not(one) if draw(st.booleans()) else one for one in left]
    while len(parts) > 1:
        group = All if draw(st.booleans()) else AnyOf
        parts = [group((parts[0], parts[1])), *parts[2:]]
        if draw(st.booleans()):
            parts[0] = Not(parts[0])
    return parts[0]


@settings(max_examples=300, deadline=None)
@given(read_once(), presents)
def test_a_rule_of_independent_parts_is_called_blind_exactly_when_it_is(node: Node, present: frozenset[str]) -> None:
    assert can_match(node, present.__contains__) is brute(node, present)


@settings(max_examples=300, deadline=None)
@given(read_once(), presents)
def test_what_is_needed_helps(node: Node, present: frozenset[str]) -> None:
    wanted = needed(node, present.__contains__)
    assert wanted <= missing(node, present.__contains__) <= names_of(node)
    if not can_match(node, present.__contains__) and can_match(node, has(*FIELDS)):
        assert wanted
        assert can_match(node, (present | missing(node, present.__contains__)).__contains__)


@pytest.mark.parametrize(
    ("node", "present", "wanted"),
    [
        (All((equals("a"), equals("b"))), ("a",), {"b"}),
        (All((equals("a"), equals("b"))), (), {"a", "b"}),
        (AnyOf((equals("a"), equals("b"))), ("a",), set()),
        (AnyOf((equals("a"), equals("b"))), (), {"a", "b"}),
        (All((equals("a"), Not(equals("b")))), ("a",), set()),
        (All((equals("a"), Not(equals("b")))), ("b",), {"a"}),
        (All((equals("a"), Atom("b", Op.NULL))), ("a",), set()),
        (All((equals("a"), Not(Atom("b", Op.NULL)))), ("a",), {"b"}),
        (Atom(None, Op.CONTAINS, "x"), (), set()),
        (Atom("a", Op.FIELD, ("b", "equals")), ("a",), {"b"}),
        (All((equals("c"), AnyOf((equals("a"), equals("b"))))), ("c",), {"a", "b"}),
    ],
)
def test_the_fields_that_blind_a_rule(node: Node, present: tuple[str, ...], wanted: set[str]) -> None:
    assert needed(node, has(*present)) == wanted

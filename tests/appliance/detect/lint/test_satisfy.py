"""What is called impossible is impossible: named cases, and brute force over every small event."""

from __future__ import annotations

from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.detect.compiled import compile_node
from appliance.detect.lint.satisfy import impossible
from appliance.detect.nodes import All, AnyOf, Atom, Const, Node, Not, Op, Wild, atoms, negate
from appliance.detect.values import Event, Value
from tests.appliance.detect.kit import rule

TEXTS = ["", *("".join(each) for size in (1, 2, 3) for each in product("abA", repeat=size)), "0", "1", "2"]
TEXTS += ["10.0.0.1", "10.9.0.1", "192.168.0.1", "a10", "bab1", "AB", "aBba", "caab", "a?b"]
PARTS = ["", "a", "A", "b", "B", "ab", "aB", "ba", "aab", "0", "1", "2", "10.0.0.1", "10.9.0.1", "192.168.0.1"]
LISTS: list[Value] = [(), *combinations(PARTS, 2), ("a", "b", "ab", "ba")]
MISSING = object()
SINGLE: list[object] = [MISSING, *TEXTS, 1, 2, 1.5]


def events(values: list[object]) -> list[Event]:
    """Every event over two fields."""
    some = [value for value in values if value in (MISSING, "", "a", "b", "ab", "1", 2)]
    pairs = [*product(values, some), *product(some, values)]
    return [
        {key: value for key, value in zip("xy", pair, strict=True) if value is not MISSING}  # type: ignore[misc]
        for pair in pairs
    ]


ONE_VALUE = events(SINGLE)
SEVERAL = events([*SINGLE, *LISTS])

FIELD = st.sampled_from(["x", "x", "y"])
WORD = st.sampled_from(["", "a", "b", "ab", "ba", "abb", "1"])
PLAIN = [Op.EQUALS, Op.CONTAINS, Op.STARTSWITH, Op.ENDSWITH]
CASED = [Op.CASED_EQUALS, Op.CASED_CONTAINS, Op.CASED_STARTSWITH, Op.CASED_ENDSWITH]
PATTERN = st.sampled_from(
    [(Wild.MANY, "a", Wild.MANY, "b"), ("a", Wild.ONE), ("a", Wild.MANY, "b"), (Wild.MANY, "a", Wild.ONE, Wild.MANY)]
)
ATOM: st.SearchStrategy[Node] = st.one_of(
    st.builds(Atom, FIELD, st.sampled_from(PLAIN), WORD),
    st.builds(Atom, FIELD, st.sampled_from(CASED), st.one_of(WORD, st.sampled_from(["A", "aA", "Ab"]))),
    st.builds(Atom, FIELD, st.sampled_from([Op.LIKE, Op.CASED_LIKE]), PATTERN),
    st.builds(Atom, FIELD, st.just(Op.REGEX), st.sampled_from([("^a", ""), ("b$", "i"), ("a.b", "")])),
    st.builds(Atom, FIELD, st.sampled_from([Op.ANY, Op.NULL, Op.EXISTS])),
    st.builds(
        Atom,
        FIELD,
        st.just(Op.COMPARE),
        st.tuples(st.sampled_from(["lt", "lte", "gt", "gte"]), st.sampled_from([1.0, 2.0])),
    ),
    st.builds(Atom, FIELD, st.just(Op.CIDR), st.sampled_from(["10.0.0.0/8", "10.0.0.0/24", "192.168.0.0/16"])),
    st.builds(Atom, st.just("x"), st.just(Op.FIELD), st.sampled_from([("y", "equals"), ("y", "contains")])),
    st.builds(Atom, st.none(), st.just(Op.CONTAINS), WORD),
    st.builds(Const, st.booleans()),
)
NODE = st.recursive(
    ATOM,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(lambda parts: All(tuple(parts)), st.lists(inner, min_size=1, max_size=4)),
        st.builds(lambda parts: AnyOf(tuple(parts)), st.lists(inner, min_size=1, max_size=4)),
    ),
    max_leaves=7,
)


@settings(max_examples=600, deadline=None)
@given(NODE)
def test_no_event_satisfies_what_is_called_impossible(node: Node) -> None:
    if impossible(node).never:
        assert not any(map(compile_node(node), SEVERAL))
    if impossible(node, lists=False).never:
        assert not any(map(compile_node(node), ONE_VALUE))
    if impossible(negate(node)).never:
        assert all(map(compile_node(node), SEVERAL))


WORDY: list[Atom] = [
    *(Atom("x", op, word) for op in (*PLAIN, *CASED) for word in ("a", "b", "ab")),
    *(Atom("x", op, "A") for op in CASED),
    *(Atom("x", op) for op in (Op.ANY, Op.NULL, Op.EXISTS)),
    *(Atom("x", Op.LIKE, pattern) for pattern in (("a", Wild.MANY, "b"), (Wild.MANY, "a", Wild.ONE, Wild.MANY))),
]
NUMBERS: list[Atom] = [
    *(Atom("x", Op.COMPARE, (name, 1.0)) for name in ("lt", "lte", "gt", "gte")),
    *(Atom("x", Op.CIDR, net) for net in ("10.0.0.0/8", "10.0.0.0/24", "192.168.0.0/16")),
    *(Atom("x", Op.EQUALS, text) for text in ("1", "2", "10.0.0.1", "10.9.0.1")),
]


def test_nearly_every_pair_that_brute_force_finds_impossible_is_found() -> None:
    values = [event for event in SEVERAL if "y" not in event]
    one_value = [event for event in ONE_VALUE if "y" not in event]
    wanted = found = 0
    for one, other in (*product(WORDY, WORDY), *product(NUMBERS, NUMBERS)):
        for node in (All((one, other)), All((one, Not(other))), All((Not(one), Not(other)))):
            for lists, tried in ((True, values), (False, one_value)):
                really = not any(map(compile_node(node), tried))
                said = impossible(node, lists=lists).never
                assert really or not said, node
                wanted, found = wanted + really, found + said
    assert wanted > 500
    assert found > 0.9 * wanted, f"{found} of {wanted}"


NEVER = {
    "x and not x": "a: {x: v}\ncondition: a and not a",
    "a text and no value": "a: {x: v}\nb: {x: null}\ncondition: a and b",
    "present and absent": "a: {x|exists: true}\nb: {x|exists: false}\ncondition: a and b",
    "value and its own part excluded": "a: {x|endswith: '\\cmd.exe'}\nb: {x|contains: cmd}\ncondition: a and not b",
    "each alternative excluded": "a: {x: [u, v]}\nb: {x: [U, V, w]}\ncondition: a and not b",
    "filter wider than selection": "a: {x: u, y: v}\nb: {y: v}\ncondition: a and not 1 of b*",
    "numbers": "a: {x|gt: 5}\nb: {x|gte: 5}\ncondition: a and not b",
    "networks": "a: {x|cidr: 10.1.0.0/16}\nb: {x|cidr: 10.0.0.0/8}\ncondition: a and not b",
    "a keyword and not": "a: [mimikatz]\nb: [katz]\ncondition: a and not b",
    "nothing and something": "a: {x: '*'}\nb: {x: null}\ncondition: a and b",
}
SINGLE_NEVER = {
    "two values": "a: {x: u}\nb: {x: v}\ncondition: a and b",
    "all of exact values": "a: {x|all: [u, v]}\ncondition: a",
    "two starts": "a: {x|startswith: 'c:'}\nb: {x|startswith: 'd:'}\ncondition: a and b",
    "two ends": "a: {x|endswith: '.exe'}\nb: {x|endswith: '.dll'}\ncondition: a and b",
    "two ranges": "a: {x|lt: 3}\nb: {x|gt: 5}\ncondition: a and b",
    "two networks": "a: {x|cidr: 10.0.0.0/8}\nb: {x|cidr: 192.168.0.0/16}\ncondition: a and b",
    "a value outside a range": "a: {x: 7}\nb: {x|lt: 5}\ncondition: a and b",
}
POSSIBLE = {
    "two fields": "a: {x: u}\nb: {y: v}\ncondition: a and not b",
    "a filter that is narrower": "a: {x|contains: cmd}\nb: {x|endswith: '\\cmd.exe'}\ncondition: a and not b",
    "case is left open": "a: {x: abc}\nb: {x|cased: ABC}\ncondition: a and not b",
    "one of two": "a: {x: [u, v]}\nb: {x: u}\ncondition: a and not b",
    "null or empty": "a: {x: ['', null]}\ncondition: a",
}


@pytest.mark.parametrize("name", NEVER)
def test_certain_contradictions_are_found(name: str) -> None:
    node = rule(NEVER[name]).node
    assert impossible(node).never
    assert not any(map(compile_node(node), SEVERAL))


@pytest.mark.parametrize("name", SINGLE_NEVER)
def test_contradictions_of_one_value_are_found_and_kept_apart(name: str) -> None:
    node = rule(SINGLE_NEVER[name]).node
    assert impossible(node, lists=False).never
    assert not impossible(node).never


@pytest.mark.parametrize("name", POSSIBLE)
def test_what_is_possible_is_left_alone(name: str) -> None:
    node = rule(POSSIBLE[name]).node
    assert not impossible(node).never
    assert not impossible(node, lists=False).never


def test_the_contradiction_is_named() -> None:
    clash = impossible(rule(NEVER["value and its own part excluded"]).node).clash
    assert clash is not None
    assert {clash.first.op, clash.second.op} == {Op.ENDSWITH, Op.CONTAINS}
    assert clash.negated


def test_a_tautology_is_one() -> None:
    node = rule("a: {x: v}\nb: {x|contains: v}\ncondition: b or not a").node
    assert impossible(negate(node)).never


def test_a_hard_condition_costs_a_bounded_time_and_is_not_called_impossible() -> None:
    """Pigeon holes: impossible, and hopeless for a search; it must give up."""
    holes = [AnyOf(tuple(Atom("x", Op.CONTAINS, f"p{pigeon}h{hole}") for hole in range(9))) for pigeon in range(10)]
    apart = [
        Not(All((Atom("x", Op.CONTAINS, f"p{one}h{hole}"), Atom("x", Op.CONTAINS, f"p{two}h{hole}"))))
        for hole in range(9)
        for one, two in combinations(range(10), 2)
    ]
    assert not impossible(All((*holes, *apart))).never


def test_a_long_condition_is_read() -> None:
    many = AnyOf(tuple(Atom("x", Op.CONTAINS, f"v{number}") for number in range(20_000)))
    assert sum(1 for _ in atoms(many)) == 20_000
    assert not impossible(many).never
    assert not impossible(negate(many)).never

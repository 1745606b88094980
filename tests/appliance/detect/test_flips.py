"""The fewest leaves to change: by brute force on small trees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations
from time import process_time

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.detect import Tree
from appliance.detect.flips import document, flips
from tests.appliance.detect.kit import engine, rule
from tests.appliance.detect.test_explain import leaves

Shape = bool | tuple[str, list["Shape"]]
Named = int | tuple[str, list["Named"]]
shapes: st.SearchStrategy[Shape] = st.recursive(
    st.booleans(),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["all", "any"]), st.lists(inner, max_size=3)),
        st.tuples(st.just("not"), st.lists(inner, min_size=1, max_size=1)),
    ),
    max_leaves=8,
)


def tree_of(shape: Shape, changed: frozenset[int], counter: list[int]) -> Tree:
    if isinstance(shape, bool):
        number = counter[0] = counter[0] + 1
        return Tree("leaf", shape is not (number in changed), name=str(number))
    kind, parts = shape
    children = tuple(tree_of(part, changed, counter) for part in parts)
    truths = [child.truth for child in children]
    truth = {"all": all(truths), "any": any(truths), "not": not all(truths)}[kind]
    return Tree(kind, truth, children)  # type: ignore[arg-type]


@settings(max_examples=400, deadline=None)
@given(shapes)
def test_no_smaller_set_does_it(shape: Shape) -> None:
    tree = tree_of(shape, frozenset(), [0])
    count = len(leaves(tree))
    enough = [
        size
        for size in range(count + 1)
        for chosen in combinations(range(1, count + 1), size)
        if tree_of(shape, frozenset(chosen), [0]).truth is not tree.truth
    ]
    found = flips(tree)
    if found is None:
        assert enough == []
        return
    assert len(found) == enough[0]
    changed = frozenset(int(leaf.name) for leaf in found)
    assert tree_of(shape, changed, [0]).truth is not tree.truth


named: st.SearchStrategy[Named] = st.recursive(
    st.integers(0, 3),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["all", "any"]), st.lists(inner, max_size=4)),
        st.tuples(st.just("not"), st.lists(inner, min_size=1, max_size=1)),
    ),
    max_leaves=12,
)


def with_values(shape: Named, values: Sequence[bool]) -> Tree:
    """The tree of a shape whose leaves are numbers: each number is one comparison, with its value."""
    if isinstance(shape, int):
        return Tree("leaf", values[shape], field=str(shape))
    kind, parts = shape
    children = tuple(with_values(part, values) for part in parts)
    truths = [child.truth for child in children]
    truth = {"all": all(truths), "any": any(truths), "not": not all(truths)}[kind]
    return Tree(kind, truth, children)  # type: ignore[arg-type]


def changed(values: Sequence[bool], chosen: Iterable[int]) -> list[bool]:
    return [value is not (number in chosen) for number, value in enumerate(values)]


@settings(max_examples=800, deadline=None)
@given(named, st.lists(st.booleans(), min_size=4, max_size=4))
def test_a_comparison_that_recurs_counts_once_and_changes_everywhere(shape: Named, values: list[bool]) -> None:
    tree = with_values(shape, values)
    enough = [
        size
        for size in range(5)
        for chosen in combinations(range(4), size)
        if with_values(shape, changed(values, chosen)).truth is not tree.truth
    ]
    found = flips(tree)
    assert (None if found is None else len(found)) == (enough[0] if enough else None)
    if found is not None:
        numbers = {int(leaf.field) for leaf in found}
        assert with_values(shape, changed(values, numbers)).truth is not tree.truth


def test_one_comparison_in_two_selections_is_one_change() -> None:
    one = rule("one: {a: x, b: y}\ntwo: {a: x, c: z}\ncondition: one and two")
    tree = engine(one).explain(one, {"event.module": "test", "a": "q", "b": "y", "c": "z"})
    assert [(leaf.field, leaf.wanted) for leaf in flips(tree) or ()] == [("a", "x")]


def test_very_many_recurring_comparisons_cost_a_bounded_time() -> None:
    leaf = [Tree("leaf", False, field=str(number)) for number in range(997)]
    groups = [tuple(leaf[n * k % 997] for n in (1, 7, 11)) for k in range(4000)]
    tree = Tree("all", False, tuple(Tree("any", False, children) for children in groups))
    start = process_time()
    found = flips(tree)
    assert process_time() - start < 10
    assert found is not None
    assert len({leaf.field for leaf in found}) == len(found) < 997


def test_a_real_rule() -> None:
    one = rule("sel: {a: x, b|contains: [y, z]}\nfilter: {c: w}\ncondition: sel and not filter")
    tree = engine(one).explain(one, {"event.module": "test", "a": "q", "b": "Y", "c": "w"})
    assert [(leaf.field, leaf.wanted, leaf.truth) for leaf in flips(tree) or ()] == [
        ("a", "x", False),
        ("c", "w", True),
    ]
    assert [leaf["field"] for leaf in document(tree)["changes"]] == ["a", "c"]


def test_a_condition_that_can_never_hold() -> None:
    never = Tree("all", False, (Tree("any", False), Tree("leaf", False)))
    assert flips(never) is None
    assert document(never)["changes"] is None
    assert flips(replace(never, kind="any", truth=False)) == [never.children[1]]

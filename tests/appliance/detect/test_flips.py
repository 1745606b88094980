"""The fewest leaves to change: by brute force on small trees."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.detect import Tree
from appliance.detect.flips import document, flips
from tests.appliance.detect.kit import engine, rule
from tests.appliance.detect.test_explain import leaves

Shape = bool | tuple[str, list["Shape"]]
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

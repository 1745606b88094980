"""The fewest comparisons of a condition that would have to come out otherwise for the whole to do so."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from .explain import Tree

#: How many leaves it takes to make one part false, and to make it true; None where nothing does.
_Costs = tuple[int | None, int | None]


def flips(tree: Tree) -> list[Tree] | None:
    """The smallest set of leaves that would have to change for `tree` to come out otherwise, in their order.

    Each leaf counts by itself and as if it could be changed freely. None when no change of leaves does it.
    """
    costs: dict[int, _Costs] = {}
    _count(tree, costs)
    wanted = not tree.truth
    if costs[id(tree)][wanted] is None:
        return None
    found: list[Tree] = []
    _collect(tree, wanted, costs, found)
    return found


def document(tree: Tree) -> dict[str, Any]:
    """An explanation as plain values: the tree, and the leaves that would have to change."""
    found = flips(tree)
    return {"tree": asdict(tree), "changes": None if found is None else [asdict(leaf) for leaf in found]}


def _count(tree: Tree, costs: dict[int, _Costs]) -> None:
    """Costs by the identity of each part: (to make it false, to make it true)."""
    for child in tree.children:
        _count(child, costs)
    parts = [costs[id(child)] for child in tree.children]
    if tree.kind == "leaf":
        costs[id(tree)] = (1, 0) if tree.truth else (0, 1)
    elif tree.kind == "not":
        costs[id(tree)] = (parts[0][True], parts[0][False])
    else:
        costs[id(tree)] = _of_group(tree.kind == "all", parts)


def _of_group(conjunction: bool, parts: list[_Costs]) -> _Costs:
    all_true, all_false = _sum([part[True] for part in parts]), _sum([part[False] for part in parts])
    one_true, one_false = _least([part[True] for part in parts]), _least([part[False] for part in parts])
    return (one_false, all_true) if conjunction else (all_false, one_true)


def _sum(costs: list[int | None]) -> int | None:
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


def _least(costs: list[int | None]) -> int | None:
    return min((cost for cost in costs if cost is not None), default=None)


def _collect(tree: Tree, wanted: bool, costs: dict[int, _Costs], found: list[Tree]) -> None:
    """Add the leaves to change so that `tree` becomes `wanted`, which is known to be possible."""
    if tree.truth is wanted:
        return
    if tree.kind == "leaf":
        found.append(tree)
    elif tree.kind == "not":
        _collect(tree.children[0], not wanted, costs, found)
    elif (tree.kind == "all") is wanted:
        for child in tree.children:
            _collect(child, wanted, costs, found)
    else:
        possible = [child for child in tree.children if costs[id(child)][wanted] is not None]
        _collect(min(possible, key=lambda child: costs[id(child)][wanted] or 0), wanted, costs, found)

"""The fewest comparisons of a condition that would have to come out otherwise for the whole to do so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .explain import Tree

#: Ways to bring one part about that are followed, the shortest first; only comparisons that recur need more than one.
WAYS = 64
#: Ways looked at before only the shortest is followed.
WORK = 50_000
_Key = tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class _Way:
    """Leaves to change, and recurring leaves that must then stay as they are; by their places."""

    changed: frozenset[int] = frozenset()
    kept: frozenset[int] = frozenset()


_Ways = tuple[list[_Way], list[_Way]]
"""How a part becomes false, and how it becomes true; none where nothing does."""


def flips(tree: Tree) -> list[Tree] | None:
    """The smallest set of leaves that would have to change for `tree` to come out otherwise, in their order.

    A comparison that stands in several places counts once and changes in all of them; otherwise each could be changed
    freely. None when no change of leaves does it.
    """
    leaves = _Leaves(tree)
    found = leaves.ways(tree)[not tree.truth]
    if not found and leaves.cut:
        leaves = _Leaves(tree, together=False)
        found = leaves.ways(tree)[not tree.truth]
    return [leaves.first[place] for place in sorted(found[0].changed)] if found else None


def document(tree: Tree) -> dict[str, Any]:
    """An explanation as plain values: the tree, and the leaves that would have to change."""
    found = flips(tree)
    return {"tree": asdict(tree), "changes": None if found is None else [asdict(leaf) for leaf in found]}


class _Leaves:
    """The leaves of one tree, each with a place; with `together` those of one comparison share a place."""

    def __init__(self, tree: Tree, *, together: bool = True) -> None:
        self.first: list[Tree] = []
        self._work = 0
        self.cut = False
        """Whether some ways were not followed because there were too many."""
        self._place: dict[int, int] = {}
        known: dict[_Key, int] = {}
        counts: Counter[int] = Counter()
        for leaf in _leaves(tree):
            key = (leaf.name, leaf.field, leaf.key, leaf.operator, leaf.wanted)
            place = known.setdefault(key, len(self.first)) if together else len(self.first)
            if place == len(self.first):
                self.first.append(leaf)
            self._place[id(leaf)] = place
            counts[place] += 1
        self._recurring = frozenset(place for place, count in counts.items() if count > 1)

    def ways(self, tree: Tree) -> _Ways:
        """How a part comes out either way, the shortest way first."""
        if tree.kind == "leaf":
            place = self._place[id(tree)]
            stays = [_Way(kept=self._recurring & {place})]
            changes = [_Way(changed=frozenset({place}))]
            return (changes, stays) if tree.truth else (stays, changes)
        parts = [self.ways(child) for child in tree.children]
        if tree.kind == "not":
            return parts[0][True], parts[0][False]
        false, true = [part[False] for part in parts], [part[True] for part in parts]
        if tree.kind == "all":
            return self._one_of(false), self._all_of(true)
        return self._all_of(false), self._one_of(true)

    def _one_of(self, parts: Iterable[Sequence[_Way]]) -> list[_Way]:
        return self._shortest([way for ways in parts for way in ways])

    def _all_of(self, parts: Sequence[Sequence[_Way]]) -> list[_Way]:
        """Every part at once. Those with one way are joined first: most conditions have no others."""
        if not all(parts):
            return []
        single = [ways[0] for ways in parts if len(ways) == 1]
        joined = _Way(frozenset().union(*(w.changed for w in single)), frozenset().union(*(w.kept for w in single)))
        found = [] if joined.changed & joined.kept else [joined]
        for ways in parts:
            if len(ways) > 1:
                pairs = ((one, other) for one in found for other in ways)
                found = self._shortest([_Way(a.changed | b.changed, a.kept | b.kept) for a, b in pairs])
        return found

    def _shortest(self, ways: Sequence[_Way]) -> list[_Way]:
        """The ways that do not contradict themselves, the shortest first; of those alike in what recurs only one."""
        self._work += len(ways)
        most = WAYS if self._work <= WORK else 1
        ordered = sorted((way for way in ways if not way.changed & way.kept), key=lambda way: len(way.changed))
        found: list[_Way] = []
        for way in ordered:
            shared = (way.changed & self._recurring, way.kept)
            if any(len(one.changed) <= len(way.changed) and self._says_less(one, *shared) for one in found):
                continue
            if len(found) == most:
                self.cut = True
                break
            found.append(way)
        return found

    def _says_less(self, one: _Way, changed: frozenset[int], kept: frozenset[int]) -> bool:
        return one.changed & self._recurring == changed and one.kept <= kept


def _leaves(tree: Tree) -> Iterator[Tree]:
    if tree.kind == "leaf":
        yield tree
    for child in tree.children:
        yield from _leaves(child)

"""The rules that one class of events is shown, and the index that finds the few worth deciding."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from .clauses import PER_RULE, Literal, chosen
from .compiled import Decision, compile_node
from .index import KeyIndex
from .keywords import KeywordIndex
from .memo import Budget
from .nodes import Node
from .values import Event

#: Shapes (sets of keys) an index remembers the way through for.
_SHAPES = 2048
_Step = tuple[str, "KeyIndex"]


@dataclass(slots=True)
class Entry:
    """One rule as this partition decides it. `rule` is its place in the rule set."""

    rule: int
    node: Node
    decide: Decision | None = None


class Partition:
    """Clause masks: bit `slot * rules + number` says that clause `slot` of rule `number` is satisfied."""

    def __init__(self, entries: Sequence[Entry], budget: Budget) -> None:
        self.entries = list(entries)
        self._count = len(self.entries)
        self._full = (1 << self._count) - 1
        self._base = 0
        literals: dict[str | None, dict[Literal, int]] = defaultdict(lambda: defaultdict(int))
        for number, entry in enumerate(self.entries):
            self._add(number, entry.node, literals)
        keywords = literals.pop(None, None)
        self._keywords = KeywordIndex(keywords) if keywords else None
        self._indexes = {key: KeyIndex(key, asked, budget) for key, asked in literals.items() if key is not None}
        self._shapes: dict[tuple[str, ...], tuple[int, list[_Step]]] = {}

    def _add(self, number: int, node: Node, literals: dict[str | None, dict[Literal, int]]) -> None:
        clauses = chosen(node)
        for slot in range(PER_RULE):
            bit = 1 << (slot * self._count + number)
            if slot >= len(clauses):
                self._base |= bit
                continue
            for literal in clauses[slot]:
                literals[literal.key][literal] |= bit

    def candidates(self, event: Event) -> int:
        """A mask of the entries whose necessary clauses the event satisfies."""
        shape = tuple(event)
        found = self._shapes.get(shape)
        if found is None:
            found = self._shape(shape)
        mask, steps = found
        for key, index in steps:
            value = event[key]
            kind = type(value)
            known = index.known(value) if kind is str or kind is int else None
            if known is None:
                known = index.mask(value)
            mask |= known
        if self._keywords is not None:
            mask |= self._keywords.mask(event)
        return mask & (mask >> self._count) & self._full

    def _shape(self, shape: tuple[str, ...]) -> tuple[int, list[_Step]]:
        if len(self._shapes) >= _SHAPES:
            self._shapes.clear()
        mask = self._base
        for key, index in self._indexes.items():
            if key not in shape:
                mask |= index.absent
        steps = [(key, self._indexes[key]) for key in shape if key in self._indexes]
        self._shapes[shape] = mask, steps
        return mask, steps

    def decide(self, number: int, event: Event) -> bool:
        """The exact decision for one entry."""
        entry = self.entries[number]
        if entry.decide is None:
            entry.decide = compile_node(entry.node)
        return entry.decide(event)

"""Which literals the first events of a partition have, and the clauses that are best by this."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from .clauses import NEVER, PER_RULE, Clause, Kind, Literal, guess, necessary, tests
from .compiled import compile_node
from .index import KeyIndex
from .keywords import keyword_text
from .memo import Budget
from .nodes import Node
from .values import Event

#: A rule that would be decided for a larger share of the events is also asked exact questions about one key.
_OFTEN = 0.02
#: Microseconds of one decision, and of looking for one literal in one new value. The automaton of a large set of
#: literals does not fit the processor's cache, so every literal makes all of them slower.
_DECISION, _LITERAL = 2.0, 0.001
_PRICES = {Kind.ATOM: 0.5, Kind.TEST: 1.0}


class Census:
    """What each literal is worth among `events`: a bit mask of those events that satisfy it."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = events
        self._literals: dict[Literal, int] = {}
        self._seen: dict[Literal, int] = {}
        self._costs: dict[Literal, float] = {}
        self._fresh: dict[str | None, float] = {}

    def ask(self, node: Node) -> None:
        """Note the literals that the clauses of a condition may be made of."""
        necessary(node, self._note)

    def _note(self, literal: Literal) -> float:
        self._literals.setdefault(literal, len(self._literals))
        return guess(literal)

    def count(self) -> Iterator[None]:
        """Look at the events, one key a step."""
        by_key: dict[str | None, list[Literal]] = defaultdict(list)
        for literal in self._literals:
            by_key[literal.key].append(literal)
        for key, literals in by_key.items():
            yield from self._count_key(key, literals)

    def _count_key(self, key: str | None, literals: Sequence[Literal]) -> Iterator[None]:
        bits = {literal: 1 << number for number, literal in enumerate(literals)}
        index = KeyIndex(key or "", bits, Budget(), gated=False)
        self._fresh[key] = self._new_values(key)
        yield
        for number, event in enumerate(self._events):
            value = keyword_text(event) if key is None else event.get(key)
            found = index.absent if value is None else index.mask(value)
            while found:
                lowest = found & -found
                found ^= lowest
                literal = literals[lowest.bit_length() - 1]
                self._seen[literal] = self._seen.get(literal, 0) | 1 << number
            if number % 32 == 0:
                yield

    def _new_values(self, key: str | None) -> float:
        """The share of events whose value of a key has not been seen before."""
        if key is None:
            return 1.0
        values = {event[key] for event in self._events if key in event}
        return len(values) / max(1, len(self._events))

    def cost(self, literal: Literal) -> float:
        """The share of events that satisfy a literal; the guess decides between those that none does."""
        known = self._costs.get(literal)
        if known is None:
            seen = self._seen.get(literal, 0).bit_count()
            known = self._costs[literal] = (seen + min(guess(literal), 1.0)) / (len(self._events) + 1)
        return known

    def chosen(self, node: Node) -> list[Clause]:
        """At most `PER_RULE` clauses that together cost the least time an event: to look for, and to decide after."""
        options = necessary(node, self.cost)
        if not all(options):
            return [NEVER]
        picked, passed = self._pick(options)
        if passed > _OFTEN:
            picked, _ = self._pick(options + self._tests(node))
        return picked

    def _pick(self, options: Sequence[Clause]) -> tuple[list[Clause], float]:
        """The clauses, and the share of events that they let through."""
        left = {clause: self._mask(clause) for clause in options}
        share, seen = 1.0, (1 << len(self._events)) - 1
        picked: list[Clause] = []
        while left and len(picked) < PER_RULE:
            shares = {clause: self._share(seen & mask, [*picked, clause]) for clause, mask in left.items()}
            best = min(shares, key=lambda clause: shares[clause] * _DECISION + self._price(clause))
            saved = (share - shares[best]) * _DECISION
            if picked and saved <= self._price(best):
                break
            share = shares[best]
            seen &= left.pop(best)
            picked.append(best)
        return picked, share

    def _share(self, seen: int, clauses: Sequence[Clause]) -> float:
        """The share of all events that satisfy the clauses, when `seen` are those of the sample."""
        unseen = min(sum(min(guess(literal), 1.0) for literal in clause) for clause in clauses)
        return min(1.0, (seen.bit_count() + min(unseen, 1.0)) / (len(self._events) + 1))

    def _price(self, clause: Clause) -> float:
        """Microseconds an event that it takes to look for the clause's literals: those of new values only."""
        return sum(_PRICES.get(literal.kind, _LITERAL) * self._fresh.get(literal.key, 1.0) for literal in clause)

    def _mask(self, clause: Clause) -> int:
        mask = 0
        for literal in clause:
            mask |= self._seen.get(literal, 0)
        return mask

    def _tests(self, node: Node) -> list[Clause]:
        found = tests(node)
        for clause in found:
            for literal in clause:
                self._seen[literal] = self._tested(literal)
        return found

    def _tested(self, literal: Literal) -> int:
        assert literal.node is not None
        assert literal.key is not None
        decide = compile_node(literal.node)
        mask = 0
        for number, event in enumerate(self._events):
            own: Mapping[str, object] = {literal.key: event[literal.key]} if literal.key in event else {}
            if decide(own):  # type: ignore[arg-type]
                mask |= 1 << number
        return mask

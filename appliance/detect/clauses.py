"""Necessary clauses of a condition: what an event must have before the rule is worth deciding.

A clause is a set of literals of which at least one holds for every event that the condition accepts. Each step
below only ever widens what is accepted (an atom to its literal, an alternative to the union of its parts' clauses,
a negation to nothing or to an exact test of one key), so no matching event can miss a clause. What a literal costs
decides only which of the clauses are kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from .nodes import FALSE, TRUE, All, AnyOf, Atom, Node, Not, Op, Wild, all_of, atoms, fields, negate
from .regexes import required_literals
from .values import fold

#: Clauses kept for one rule.
PER_RULE = 2
#: Texts of fewer bytes are found everywhere: to find them all costs more than to decide the rule, which then is billed
#: for it. An emoji is four.
SHORTEST = 3


class Kind(StrEnum):
    """What a literal asks of one key."""

    EQUALS = "equals"
    PREFIX = "prefix"
    SUFFIX = "suffix"
    INFIX = "infix"
    PRESENT = "present"
    ATOM = "atom"  # the atom's own predicate
    TEST = "test"  # a whole condition about this one key


class Literal(NamedTuple):
    """One thing a clause may be satisfied by; `key` None is any value of the event."""

    key: str | None
    kind: Kind
    text: str = ""
    node: Node | None = None


Clause = frozenset[Literal]
#: The expected share of events, or a guess at it: less is better.
Cost = Callable[[Literal], float]
NEVER: Clause = frozenset()
_KINDS = {Op.EQUALS: Kind.EQUALS, Op.CONTAINS: Kind.INFIX, Op.STARTSWITH: Kind.PREFIX, Op.ENDSWITH: Kind.SUFFIX}
_CASED = {
    Op.CASED_EQUALS: Kind.EQUALS,
    Op.CASED_CONTAINS: Kind.INFIX,
    Op.CASED_STARTSWITH: Kind.PREFIX,
    Op.CASED_ENDSWITH: Kind.SUFFIX,
}
#: Literals that most events of a busy host have.
_COMMON = frozenset(
    {
        *(".exe", ".dll", ".ps1", ".txt", ".bat", "c:\\", "c:\\windows\\", "c:\\users\\", "\\appdata\\", "http"),
        *("c:\\windows\\system32\\", "\\system32\\", "\\cmd.exe", "\\powershell.exe", "\\pwsh.exe", "\\svchost.exe"),
        *("powershell", "true", "autori", "authori"),
    }
)
_FIXED = {Kind.PRESENT: 2.0, Kind.TEST: 0.7, Kind.ATOM: 0.125}
_BY_LENGTH = [2.0**-length for length in range(64)]
_SLOW = frozenset({Op.REGEX, Op.LIKE, Op.CASED_LIKE})
_WEAK, _RARE = 0.3, 0.01
_WORD = 6
#: What signs beyond ASCII are worth in a log of commands and paths: so many more of them within.
_FOREIGN = 8


def guess(literal: Literal) -> float:
    """What a literal costs as long as no event has been seen."""
    _, kind, text, _ = literal
    if kind in _FIXED:
        return _FIXED[kind]
    if text in _COMMON:
        return 0.5
    if kind is Kind.EQUALS:
        # A code, a flag, a state: one of few that the key ever has.
        return 0.25 if len(text) <= _WORD else _BY_LENGTH[min(len(text) + 6, 63)]
    return _BY_LENGTH[min(_size(text) + (1 if text.isascii() else _FOREIGN), 63)]


def _size(text: str) -> int:
    """How many bytes of UTF-8 a text takes."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def chosen(node: Node) -> list[Clause]:
    """At most `PER_RULE` clauses for a condition by guess, the best first; none when nothing is necessary."""
    ranked = necessary(node, guess)
    if not all(ranked):
        return [NEVER]
    # What is rare by guess needs no second look, which would be taken at every new value.
    picked = ranked[:1] if ranked and cost_of(ranked[0], guess) < _RARE else ranked[:PER_RULE]
    if not picked or all(cost_of(clause, guess) > _WEAK for clause in picked):
        # Only presence or nothing is known: decide exactly what hangs on one key alone.
        picked = (tests(node) + picked)[:PER_RULE]
    return picked


def necessary(node: Node, cost: Cost) -> list[Clause]:
    """All clauses of a condition, the cheapest first; an empty one says that the condition can never hold."""
    return sorted(set(_clauses(node, cost)), key=lambda clause: cost_of(clause, cost))


def cost_of(clause: Clause, cost: Cost) -> float:
    """At most what share of events satisfies the clause."""
    return sum(map(cost, clause))


def _clauses(node: Node, cost: Cost) -> list[Clause]:
    if isinstance(node, Atom):
        return _atom_clauses(node)
    if isinstance(node, All):
        return [clause for child in node.children for clause in _clauses(child, cost)]
    if isinstance(node, AnyOf):
        return _alternatives(node.children, cost)
    if isinstance(node, Not):
        return _clauses_of_not(node.child, cost)
    return [] if node.value else [NEVER]


def _clauses_of_not(child: Node, cost: Cost) -> list[Clause]:
    """By De Morgan, where a negation still says something positive."""
    if isinstance(child, AnyOf):
        return [clause for part in child.children for clause in _clauses(negate(part), cost)]
    if isinstance(child, All):
        return _alternatives([negate(part) for part in child.children], cost)
    return []


def _alternatives(children: Sequence[Node], cost: Cost) -> list[Clause]:
    columns = []
    for child in children:
        found = _clauses(child, cost)
        if not found:
            return []
        if len(found) > 1:
            found = sorted(found, key=lambda clause: cost_of(clause, cost))[:PER_RULE]
        columns.append(found)
    if not columns:
        return [NEVER]
    height = max(map(len, columns))
    return [frozenset().union(*(column[min(row, len(column) - 1)] for column in columns)) for row in range(height)]


def _atom_clauses(atom: Atom) -> list[Clause]:
    literals = _literals(atom)
    return [] if literals is None else [literals]


def _literals(atom: Atom) -> Clause | None:
    key, op = atom.field, atom.op
    if op is Op.NULL:
        return None
    if op in _KINDS:
        return _one(key, _KINDS[op], str(atom.wanted))
    if op in _CASED:
        return _one(key, _CASED[op], fold(str(atom.wanted)))
    if op in (Op.LIKE, Op.CASED_LIKE):
        return _pattern(atom)
    return _regex(atom) or _presence(atom)


def _regex(atom: Atom) -> Clause | None:
    if atom.op is not Op.REGEX:
        return None
    assert isinstance(atom.wanted, tuple)
    found = required_literals(str(atom.wanted[0]), str(atom.wanted[1]))
    if not found:
        return None
    if min(map(_size, found)) < SHORTEST:
        return frozenset([Literal(atom.field, Kind.PRESENT)])
    return frozenset(Literal(atom.field, Kind.INFIX, text) for text in found)


def _presence(atom: Atom) -> Clause:
    key, op = atom.field, atom.op
    if op in (Op.ANY, Op.EXISTS, Op.FIELD) or key is None:
        return frozenset([Literal(key, Kind.PRESENT)])
    return frozenset([Literal(key, Kind.ATOM, node=atom)])


def _one(key: str | None, kind: Kind, text: str) -> Clause:
    if _size(text) < SHORTEST and kind is not Kind.EQUALS:
        return frozenset([Literal(key, Kind.PRESENT)])
    return frozenset([Literal(key, kind, text)])


def _pattern(atom: Atom) -> Clause:
    assert isinstance(atom.wanted, tuple)
    parts = [fold(part) for part in atom.wanted if isinstance(part, str)]
    if not parts:
        return frozenset([Literal(atom.field, Kind.PRESENT)])
    longest = max(parts, key=len)
    first, last = atom.wanted[0], atom.wanted[-1]
    if atom.field is not None and not isinstance(first, Wild) and fold(str(first)) == longest:
        return _one(atom.field, Kind.PREFIX, longest)
    if atom.field is not None and not isinstance(last, Wild) and fold(str(last)) == longest:
        return _one(atom.field, Kind.SUFFIX, longest)
    return _one(atom.field, Kind.INFIX, longest)


def tests(node: Node) -> list[Clause]:
    """For each key, the part of the conjunction that hangs on that key alone, as an exact test.

    Regular expressions are left out: a test is asked for each new value, and they are worth that only in a gate. So are
    very short texts, which the rule itself is billed for.
    """
    by_key: dict[str, list[Node]] = defaultdict(list)
    for part in _conjuncts(node):
        looked_at = fields(part)
        if len(looked_at) == 1 and not any(atom.op in _SLOW or _is_short(atom) for atom in atoms(part)):
            key = next(iter(looked_at))
            if key is not None:
                by_key[key].append(part)
    return [frozenset([Literal(key, Kind.TEST, node=all_of(parts))]) for key, parts in by_key.items()]


def _is_short(atom: Atom) -> bool:
    kind = _KINDS.get(atom.op) or _CASED.get(atom.op)
    return kind is not None and kind is not Kind.EQUALS and _size(str(atom.wanted)) < SHORTEST


def _conjuncts(node: Node) -> Iterator[Node]:
    if isinstance(node, All):
        for child in node.children:
            yield from _conjuncts(child)
    elif isinstance(node, Not) and isinstance(node.child, AnyOf):
        for child in node.child.children:
            yield from _conjuncts(negate(child))
    elif node not in (TRUE, FALSE):
        yield node

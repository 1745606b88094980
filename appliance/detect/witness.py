"""Which values satisfied a rule, quickly: what `explain.matched` reads from the whole tree, without making the tree.

The tree stays the reference: an event with a list in a field that the rule looks at is left to it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from . import predicates
from .compiled import JOINT, any_literal, compile_node
from .explain import KEYWORDS
from .nodes import All, AnyOf, Atom, Const, Node, Not, Op
from .predicates import Predicate
from .resolve import Resolver, resolved, with_keys
from .values import Event, Value, keyword_texts, text

#: The fields and values that make a part of a condition true, or None when it is not.
Found = Sequence[tuple[str, Value]] | None
Witness = Callable[[Event], Found]
_OF_EVENT = frozenset({Op.NULL, Op.EXISTS, Op.FIELD})


class Several(Exception):
    """A field holds a list, of which only the tree tells the element."""


def witness(node: Node, resolver: Resolver) -> Witness:
    """What finds the satisfying values for a condition in Sigma's names. The function raises Several."""
    if isinstance(node, Const):
        found: Found = () if node.value else None
        return lambda _: found
    if isinstance(node, Not):
        decide = compile_node(resolved(node.child, resolver))
        return lambda event: None if decide(event) else ()
    if isinstance(node, All):
        return _all([witness(child, resolver) for child in node.children])
    if isinstance(node, AnyOf):
        return _any(_alternatives(node.children, resolver))
    return _leaf(node, resolver)


def _all(parts: Sequence[Witness]) -> Witness:
    def find(event: Event) -> Found:
        rows: list[tuple[str, Value]] = []
        for part in parts:
            found = part(event)
            if found is None:
                return None
            if found:
                rows += found
        return rows

    return find


def _any(parts: Sequence[Witness]) -> Witness:
    def find(event: Event) -> Found:
        rows: Found = None
        for part in parts:
            found = part(event)
            if found is not None:
                rows = found if not rows else (*rows, *found)
        return rows

    return find


def _alternatives(children: Iterable[Node], resolver: Resolver) -> list[Witness]:
    """The parts of a disjunction, with those that compare one field by one operator as one part."""
    groups: dict[tuple[str, str, Op], list[str]] = defaultdict(list)
    parts = []
    for child in children:
        if isinstance(child, Atom) and child.field is not None and child.op in JOINT:
            keyed = with_keys(child, resolver)
            assert keyed.field is not None
            if keyed.op in JOINT:
                groups[child.field, keyed.field, keyed.op].append(str(keyed.wanted))
                continue
        parts.append(witness(child, resolver))
    joint = [_value(name, key, any_literal(op, tuple(needles))) for (name, key, op), needles in groups.items()]
    return joint + parts


def _leaf(atom: Atom, resolver: Resolver) -> Witness:
    name = atom.field
    if name is None:
        return _keyword(predicates.of(atom))
    keyed = with_keys(atom, resolver)
    assert keyed.field is not None
    if atom.op in _OF_EVENT:
        return _of_event(name, keyed.field, compile_node(keyed))
    joint = keyed.op in JOINT
    return _value(name, keyed.field, any_literal(keyed.op, (str(keyed.wanted),)) if joint else predicates.of(keyed))


def _keyword(decide: Predicate) -> Witness:
    def find(event: Event) -> Found:
        hit = next((element for element in keyword_texts(event) if decide(element)), None)
        return None if hit is None else [(KEYWORDS, hit)]

    return find


def _of_event(name: str, key: str, decide: Callable[[Event], bool]) -> Witness:
    def find(event: Event) -> Found:
        if not decide(event):
            return None
        value = event.get(key)
        return () if value is None else [(name, value)]

    return find


def _value(name: str, key: str, decide: Predicate) -> Witness:
    def find(event: Event) -> Found:
        value = event.get(key)
        if type(value) is str:
            return ((name, value),) if decide(value) else None
        if value is None:
            return None
        if isinstance(value, tuple):
            raise Several
        return [(name, value)] if decide(text(value)) else None

    return find

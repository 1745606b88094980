"""The exact decision: a condition tree over event keys becomes one function of an event."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from . import predicates
from .nodes import All, AnyOf, Atom, Const, Node, Not, Op
from .predicates import Predicate, field_predicate
from .values import Event, Value, fold, keyword_texts, texts

Decision = Callable[[Event], bool]
#: Operators that are decided together for all values of one list.
JOINT = frozenset({Op.EQUALS, Op.CONTAINS, Op.STARTSWITH, Op.ENDSWITH})


_COSTS = {Op.REGEX: 20, Op.LIKE: 10, Op.CASED_LIKE: 10, Op.CIDR: 5, Op.TIME: 5, Op.COMPARE: 3, Op.FIELD: 3}
_KEYWORD = 100


def compile_node(node: Node) -> Decision:
    """A function that decides `node`; its atoms name event keys."""
    if isinstance(node, Const):
        return _constant(node.value)
    if isinstance(node, Not):
        return _negation(compile_node(node.child))
    if isinstance(node, All):
        return _conjunction([compile_node(child) for child in cheap_first(node.children)])
    if isinstance(node, AnyOf):
        return _disjunction(_joined(node.children))
    return _atom(node)


def _constant(value: bool) -> Decision:
    return lambda _: value


def _negation(inner: Decision) -> Decision:
    return lambda event: not inner(event)


def _conjunction(parts: Sequence[Decision]) -> Decision:
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2:
        first, second = parts
        return lambda event: first(event) and second(event)

    def decide(event: Event) -> bool:
        for part in parts:  # noqa: SIM110  all() with a generator is half as fast
            if not part(event):
                return False
        return True

    return decide


def _disjunction(parts: Sequence[Decision]) -> Decision:
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2:
        first, second = parts
        return lambda event: first(event) or second(event)

    def decide(event: Event) -> bool:
        for part in parts:  # noqa: SIM110  any() with a generator is half as fast
            if part(event):
                return True
        return False

    return decide


def cheap_first(children: Iterable[Node]) -> list[Node]:
    """What is decided quickly before what takes longer; among equals the author's order."""
    return sorted(children, key=_cost)


def _cost(node: Node) -> int:
    """About how long a part takes to decide, in comparisons of one text."""
    if isinstance(node, Atom):
        return _COSTS.get(node.op, 1) if node.field is not None else _KEYWORD
    if isinstance(node, Not):
        return _cost(node.child)
    return 1 + sum(map(_cost, node.children)) if isinstance(node, All | AnyOf) else 0


def _joined(children: Iterable[Node]) -> list[Decision]:
    """Alternatives, with those that compare one key by one operator decided in one step."""
    groups: dict[tuple[str, Op], list[str]] = defaultdict(list)
    parts = []
    for child in cheap_first(children):
        if isinstance(child, Atom) and child.field is not None and child.op in JOINT:
            groups[child.field, child.op].append(str(child.wanted))
        else:
            parts.append(compile_node(child))
    return [_single(key, any_literal(op, tuple(needles))) for (key, op), needles in groups.items()] + parts


def any_literal(op: Op, needles: tuple[str, ...]) -> Predicate:
    """A predicate that is true when one of the folded `needles` satisfies a joint operator."""
    if op is Op.EQUALS:
        wanted = frozenset(needles)
        return lambda value: fold(value) in wanted
    if op is Op.STARTSWITH:
        return lambda value: fold(value).startswith(needles)
    if op is Op.ENDSWITH:
        return lambda value: fold(value).endswith(needles)

    def contains(value: str) -> bool:
        folded = fold(value)
        for needle in needles:  # noqa: SIM110  any() with a generator is half as fast
            if needle in folded:
                return True
        return False

    return contains


def _atom(atom: Atom) -> Decision:
    key = atom.field
    if key is None:
        decide = predicates.of(atom)
        return lambda event: any(decide(value) for value in keyword_texts(event))
    if atom.op is Op.NULL:
        return lambda event: event.get(key, ()) == ()
    if atom.op is Op.EXISTS:
        return lambda event: key in event
    if atom.op is Op.FIELD:
        assert isinstance(atom.wanted, tuple)
        return _reference(key, str(atom.wanted[0]), field_predicate(str(atom.wanted[1])))
    return _single(key, predicates.of(atom))


def _single(key: str, decide: Predicate) -> Decision:
    def of_event(event: Event) -> bool:
        value: Value | None = event.get(key)
        if value is None:
            return False
        if type(value) is str:
            return decide(value)
        for element in texts(value):  # noqa: SIM110  any() with a generator is half as fast
            if decide(element):
                return True
        return False

    return of_event


def _reference(key: str, other: str, decide: Callable[[str, str], bool]) -> Decision:
    return lambda event: any(
        decide(value, against) for value in texts(event.get(key)) for against in texts(event.get(other))
    )

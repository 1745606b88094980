"""Whether a condition can be true at all: a bounded search that says "never" only when it is certain.

Fields are taken as independent and comparisons that nothing is known of as free, so what is found impossible is
impossible for every event.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from appliance.detect.nodes import All, AnyOf, Atom, Const, Node, Not, Op

from .entails import TEXTS, entails, exclude

#: Steps of one search: comparisons of two atoms, and parts of the condition looked at.
STEPS = 200_000
#: Alternatives inside alternatives that one search follows.
DEPTH = 150
#: No value at all, in either of its two forms.
_ABSENT = frozenset({(Op.NULL, True), (Op.ANY, False), (Op.EXISTS, False)})


class _GaveUp(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Clash:
    """Two comparisons that cannot hold together; `negated` says whether the second one is under a `not`."""

    first: Atom
    second: Atom
    negated: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """`never`: certainly impossible; `clash` is the last contradiction seen on the way, if there was one."""

    never: bool
    clash: Clash | None = None


def impossible(node: Node, *, lists: bool = True) -> Verdict:
    """Whether no event satisfies `node`.

    With `lists` a field may hold several values, each of which may satisfy another comparison; without, the verdict
    is only about events whose fields hold one value each. A search that takes too long says that nothing is certain.
    """
    search = _Search(lists)
    try:
        return Verdict(not search.holds([(node, True)]), search.clash)
    except _GaveUp:
        return Verdict(False)


class _Search:
    """One depth-first search; what was assumed is undone on the way back."""

    def __init__(self, lists: bool) -> None:
        self.clash: Clash | None = None
        self._lists = lists
        self._steps = STEPS
        self._known: dict[str | None, list[tuple[Atom, bool]]] = defaultdict(list)
        self._trail: list[str | None] = []

    def holds(self, todo: list[tuple[Node, bool]], depth: int = 0) -> bool:
        """Whether all of `todo` can hold beside what is assumed already."""
        if depth > DEPTH:
            raise _GaveUp
        choices: list[list[tuple[Node, bool]]] = []
        start = len(self._trail)
        if not self._take(todo, choices):
            self._undo(start)
            return False
        if not choices:
            return True
        choices.sort(key=len)
        rest = [(AnyOf(tuple(node if sign else Not(node) for node, sign in each)), True) for each in choices[1:]]
        for alternative in choices[0]:
            mark = len(self._trail)
            if self.holds([alternative, *rest], depth + 1):
                return True
            self._undo(mark)
        self._undo(start)
        return False

    def _take(self, todo: list[tuple[Node, bool]], choices: list[list[tuple[Node, bool]]]) -> bool:
        """Assume what must hold; leave what may be chosen in `choices`. False when something cannot hold."""
        todo = list(todo)
        while todo:
            node, sign = todo.pop()
            self._step()
            if isinstance(node, Const):
                if node.value is not sign:
                    return False
            elif isinstance(node, Not):
                todo.append((node.child, not sign))
            elif isinstance(node, All | AnyOf):
                parts = [(child, sign) for child in node.children]
                if isinstance(node, All) is sign:
                    todo.extend(parts)
                else:
                    choices.append(parts)
            elif not self._assume(node, sign):
                return False
        return True

    def _assume(self, atom: Atom, sign: bool) -> bool:
        known = self._known[atom.field]
        for other, its_sign in known:
            self._step()
            if self._contradict(atom, sign, other, its_sign):
                self.clash = Clash(other, atom, not sign) if its_sign else Clash(atom, other, True)
                return False
        known.append((atom, sign))
        self._trail.append(atom.field)
        return True

    def _contradict(self, one: Atom, sign: bool, other: Atom, its_sign: bool) -> bool:
        if one == other:
            return sign is not its_sign
        if _absence(one, sign, other, its_sign) or _absence(other, its_sign, one, sign):
            return True
        if sign and its_sign:
            both = one.op in TEXTS and other.op in TEXTS and one.field is not None
            return both and not self._lists and exclude(one, other)
        if sign is not its_sign:
            positive, negative = (one, other) if sign else (other, one)
            return entails(positive, negative)
        return False

    def _step(self) -> None:
        self._steps -= 1
        if self._steps < 0:
            raise _GaveUp

    def _undo(self, mark: int) -> None:
        while len(self._trail) > mark:
            self._known[self._trail.pop()].pop()


def _absence(one: Atom, sign: bool, other: Atom, its_sign: bool) -> bool:
    """Whether `one` says that the field has no value and `other` says that it has one."""
    if one.field is None or (one.op, sign) not in _ABSENT:
        return False
    if (other.op, its_sign) == (Op.NULL, False):
        # An empty list is there and has no value.
        return True
    if its_sign and (other.op in TEXTS or other.op is Op.FIELD):
        return True
    return (one.op, other.op, its_sign) == (Op.EXISTS, Op.EXISTS, True)

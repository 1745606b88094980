"""The exact decision again, as generated Python: what `compiled` builds from closures, three times as fast.

Rules never get into the source: texts stand in it by `repr`, everything else by names made here. Events whose
fields hold anything but one text go to the closures, which are also the reference in the tests.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from . import predicates
from .compiled import Decision, cheap_first, compile_node
from .nodes import All, AnyOf, Atom, Node, Not, Op
from .regexes import required_literals
from .values import Event, Value, fold

#: Comparisons of one condition; larger ones stay closures.
_LARGEST = 4000
#: Levels of nesting; Python's parser has a limit of its own.
_DEEPEST = 40
#: Texts that are looked for before an expression is.
_FEW = 8
_PLAIN = {
    Op.EQUALS: "{value} == {wanted}",
    Op.CONTAINS: "{wanted} in {value}",
    Op.STARTSWITH: "{value}.startswith({wanted})",
    Op.ENDSWITH: "{value}.endswith({wanted})",
}
_CASED = {
    Op.CASED_EQUALS: Op.EQUALS,
    Op.CASED_CONTAINS: Op.CONTAINS,
    Op.CASED_STARTSWITH: Op.STARTSWITH,
    Op.CASED_ENDSWITH: Op.ENDSWITH,
}


_OF_KEY = {Op.EXISTS: "({key} in event)", Op.NULL: "(event.get({key}, ()) == ())"}


class _TooMuch(Exception):
    """The condition is too large or too deep to become one expression."""


class _Several(Exception):
    """A field holds a list."""


def generated(node: Node) -> Decision:
    """A function that decides `node`; its atoms name event keys."""
    try:
        return _Writer(_Closures(node)).function(node)
    except (_TooMuch, RecursionError, MemoryError):
        return compile_node(node)


class _Closures:
    """The same decision from closures, made when it is first needed."""

    __slots__ = ("_decide", "_node")

    def __init__(self, node: Node) -> None:
        self._node = node
        self._decide: Decision | None = None

    def __call__(self, event: Event) -> bool:
        if self._decide is None:
            self._decide = compile_node(self._node)
        return self._decide(event)


def _one_text(value: Value) -> str:
    if type(value) is int:
        return str(value) if value.bit_length() < 64 else _refuse()
    return _refuse()


def _refuse() -> str:
    raise _Several


def _contains(value: str, needles: Sequence[str]) -> str:
    """The test whether a folded text has one of the needles; most texts have nothing beyond ASCII to look through."""
    plain = [f"{needle!r} in {value}" for needle in needles if needle.isascii()]
    foreign = [f"{needle!r} in {value}" for needle in needles if not needle.isascii()]
    return " or ".join([*plain, *([f"not {value}.isascii() and ({' or '.join(foreign)})"] if foreign else [])])


class _Writer:
    """Writes one function: `rN` is the text of a field, `lN` the same folded, `pN` a predicate."""

    def __init__(self, otherwise: Decision) -> None:
        self._names: dict[str, object] = {
            "fold": fold,
            "one_text": _one_text,
            "Several": _Several,
            "otherwise": otherwise,
        }
        self._raw: dict[str, str] = {}
        self._folded: dict[str, str] = {}
        self._size = 0

    def function(self, node: Node) -> Decision:
        """The function of the whole condition."""
        body = self._expression(node, 0)
        lines = ["def decide(event):", " try:", "  get = event.get"]
        for key, name in self._raw.items():
            lines.append(f"  {name} = get({key!r})")
            lines.append(f"  if {name} is not None and type({name}) is not str: {name} = one_text({name})")
            if key in self._folded:
                lines.append(f"  {self._folded[key]} = None if {name} is None else fold({name})")
        lines += [" except Several: return otherwise(event)", f" return {body}"]
        space: dict[str, object] = self._names
        exec(compile("\n".join(lines), "<rule>", "exec"), space)  # noqa: S102  repr and our own names only
        decide = space["decide"]
        assert callable(decide)
        return decide

    def _expression(self, node: Node, depth: int) -> str:
        if depth > _DEEPEST:
            raise _TooMuch
        if isinstance(node, Not):
            return f"(not {self._expression(node.child, depth + 1)})"
        if isinstance(node, All):
            parts = [self._expression(child, depth + 1) for child in cheap_first(node.children)]
            return f"({' and '.join(parts)})" if parts else "True"
        if isinstance(node, AnyOf):
            parts = self._alternatives(node, depth)
            return f"({' or '.join(parts)})" if parts else "False"
        return self._atom(node) if isinstance(node, Atom) else repr(bool(node.value))

    def _alternatives(self, node: AnyOf, depth: int) -> list[str]:
        groups: dict[tuple[str, Op], list[str]] = defaultdict(list)
        parts = []
        for child in cheap_first(node.children):
            if isinstance(child, Atom) and child.field is not None and child.op in _PLAIN:
                groups[child.field, child.op].append(str(child.wanted))
            else:
                parts.append(self._expression(child, depth + 1))
        return [self._group(key, op, needles) for (key, op), needles in groups.items()] + parts

    def _group(self, key: str, op: Op, needles: list[str]) -> str:
        self._count(len(needles))
        value = self._fold_of(key)
        if op is Op.CONTAINS:
            test = _contains(value, needles)
        elif op is Op.EQUALS:
            test = f"{value} in {self._named(frozenset(needles))}"
        else:
            test = _PLAIN[op].format(value=value, wanted=repr(tuple(needles)))
        return f"({value} is not None and ({test}))"

    def _atom(self, atom: Atom) -> str:
        self._count(1)
        key, op = atom.field, atom.op
        if key is None or op is Op.FIELD:
            return f"{self._named(compile_node(atom))}(event)"
        if op in _OF_KEY:
            return _OF_KEY[op].format(key=repr(key))
        value = self._fold_of(key) if op in _PLAIN else self._raw_of(key)
        plain = _CASED.get(op, op)
        if plain in _PLAIN:
            test = _PLAIN[plain].format(value=value, wanted=repr(str(atom.wanted)))
        else:
            test = f"{self._before(atom)}{self._named(predicates.of(atom))}({value})"
        return f"({value} is not None and {test})"

    def _before(self, atom: Atom) -> str:
        """A test that is true wherever an expression is found, and quicker: to start RE2 is most of what that takes."""
        if atom.op is not Op.REGEX:
            return ""
        assert isinstance(atom.wanted, tuple)
        needles = required_literals(str(atom.wanted[0]), str(atom.wanted[1]), 1)
        if not needles or len(needles) > _FEW:
            return ""
        assert atom.field is not None
        return f"({_contains(self._fold_of(atom.field), sorted(needles))}) and "

    def _raw_of(self, key: str) -> str:
        return self._raw.setdefault(key, f"r{len(self._raw)}")

    def _fold_of(self, key: str) -> str:
        return self._folded.setdefault(key, self._raw_of(key).replace("r", "l"))

    def _named(self, thing: Callable[..., object] | frozenset[str]) -> str:
        name = f"p{len(self._names)}"
        self._names[name] = thing
        return name

    def _count(self, comparisons: int) -> None:
        self._size += comparisons
        if self._size > _LARGEST:
            raise _TooMuch

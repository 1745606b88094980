"""Why a rule matched an event, or why not: its condition tree with the truth of every part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from . import predicates
from .among import Texts
from .compiled import compile_node
from .model import Logsource
from .nodes import FOLDED, All, AnyOf, Atom, Const, Node, Not, Op, Wild
from .regexes import SCAN_LIMIT, encoded, like_regex, searcher
from .resolve import Resolver, with_keys
from .routes import EventClass
from .values import Event, Value, fold, keyword_texts, text, texts

KEYWORDS = "keywords"
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Tree:
    """One part of a condition. For a leaf: Sigma field, event key, operator, what was wanted and what was found.

    `found` is the element that satisfied the leaf, else the whole value; `span` is where in it, in characters.
    """

    kind: Literal["all", "any", "not", "leaf"]
    truth: bool
    children: tuple[Tree, ...] = ()
    name: str = ""
    field: str = ""
    key: str = ""
    operator: str = ""
    wanted: str = ""
    found: Value | None = None
    span: Span | None = None


def not_fed(source: Logsource, kind: EventClass) -> Tree:
    """Why a rule was not even asked: what it is written for, and what the event is."""
    categories = ", ".join(kind.categories)
    parts = (("module", kind.module), ("channel", kind.channel), ("code", kind.code), ("category", categories))
    found = ", ".join(f"{name} {value}" for name, value in parts if value not in (None, ""))
    return Tree("leaf", False, name="logsource", operator="is fed by", wanted=str(source), found=found or None)


def explain_node(node: Node, event: Event, resolver: Resolver) -> Tree:
    """The tree of a condition in Sigma's names for one event."""
    if isinstance(node, Const):
        return Tree("all" if node.value else "any", node.value)
    if isinstance(node, Not):
        child = explain_node(node.child, event, resolver)
        return Tree("not", not child.truth, (child,))
    if isinstance(node, All | AnyOf):
        children = tuple(explain_node(child, event, resolver) for child in node.children)
        if isinstance(node, All):
            return Tree("all", all(child.truth for child in children), children, node.name)
        return Tree("any", any(child.truth for child in children), children, node.name)
    return _leaf(node, event, resolver)


def _leaf(atom: Atom, event: Event, resolver: Resolver) -> Tree:
    if atom.field is None:
        return _value_leaf(atom, atom, keyword_texts(event), None)
    keyed = with_keys(atom, resolver)
    key = keyed.field or ""
    value = event.get(key)
    if atom.op in (Op.NULL, Op.EXISTS, Op.FIELD):
        truth = compile_node(keyed)(event)
        return Tree("leaf", truth, (), "", atom.field, key, atom.op.value, wanted_text(atom), value)
    return _value_leaf(atom, keyed, texts(value), value)


def _value_leaf(atom: Atom, keyed: Atom, elements: tuple[str, ...], value: Value | None) -> Tree:
    field, key = atom.field or KEYWORDS, keyed.field or ""
    decide = predicates.of(keyed)
    hit = next((element for element in elements if decide(element)), None)
    if hit is None:
        return Tree("leaf", False, (), "", field, key, atom.op.value, wanted_text(atom), value)
    found = hit if isinstance(value, tuple) or value is None else value
    return Tree("leaf", True, (), "", field, key, atom.op.value, wanted_text(atom), found, span_of(keyed, hit))


def wanted_text(atom: Atom) -> str:
    """What an atom compares with, for people."""
    wanted = atom.wanted
    if wanted is None:
        return "*" if atom.op is Op.ANY else ""
    if atom.op is Op.AMONG:
        return str(wanted)
    assert not isinstance(wanted, Texts)
    return wanted if isinstance(wanted, str) else _WANTED[atom.op](*wanted)


def _pattern_text(*parts: str | Wild) -> str:
    return "".join("*" if part is Wild.MANY else "?" if part is Wild.ONE else str(part) for part in parts)


_WANTED: dict[Op, Callable[..., str]] = {
    Op.LIKE: _pattern_text,
    Op.CASED_LIKE: _pattern_text,
    Op.REGEX: lambda pattern, flags: f"(?{flags}){pattern}" if flags else pattern,
    Op.COMPARE: lambda name, number: f"{name} {text(number)}",
    Op.TIME: lambda part, name, number, zone: f"{part} {name} {number} ({zone})",
    Op.FIELD: lambda other, how: f"{how} {other}",
    Op.EXPAND: lambda key, _: str(key),
}


def span_of(atom: Atom, value: str) -> Span | None:
    """Where in a satisfying text the match lies, in characters; None where that means nothing."""
    op = FOLDED.get(atom.op, atom.op)
    cased = atom.op in FOLDED
    if op is Op.AMONG:
        texts = predicates.among(atom)
        found = texts.found(fold(value))
        return None if found is None else _SPANS[texts.how](value, found)
    if op in _SPANS:
        return _SPANS[op](value if cased else fold(value), str(atom.wanted))
    if op is Op.REGEX:
        assert isinstance(atom.wanted, tuple)
        return _regex_span(str(atom.wanted[0]), str(atom.wanted[1]), encoded(value, SCAN_LIMIT))
    if op is Op.LIKE:
        assert isinstance(atom.wanted, tuple)
        core = list(atom.wanted)
        while core and core[0] is Wild.MANY:
            core.pop(0)
        while core and core[-1] is Wild.MANY:
            core.pop()
        pattern = like_regex(tuple(core), anchored=False)  # type: ignore[arg-type]
        return _regex_span(pattern, "", encoded(value if cased else fold(value), None))
    return None


_SPANS: dict[Op, Callable[[str, str], Span]] = {
    Op.EQUALS: lambda value, _: (0, len(value)),
    Op.STARTSWITH: lambda _, wanted: (0, len(wanted)),
    Op.ENDSWITH: lambda value, wanted: (len(value) - len(wanted), len(value)),
    Op.CONTAINS: lambda value, wanted: (value.find(wanted), value.find(wanted) + len(wanted)),
}


def _regex_span(pattern: str, flags: str, raw: bytes) -> Span | None:
    found = searcher(pattern, flags)(raw)
    if found is None:
        return None
    start, end = found.span()  # type: ignore[attr-defined]
    before = len(raw[:start].decode("utf-8", "replace"))
    return before, before + len(raw[start:end].decode("utf-8", "replace"))


def matched(tree: Tree) -> dict[str, Value]:
    """Sigma field name to value, for every leaf that made the tree true. The first leaf of a field counts."""
    found: dict[str, Value] = {}
    _collect(tree, found)
    return found


def _collect(tree: Tree, found: dict[str, Value]) -> None:
    if not tree.truth or tree.kind == "not":
        return
    if tree.kind == "leaf" and tree.found is not None:
        found.setdefault(tree.field, tree.found)
    for child in tree.children:
        _collect(child, found)

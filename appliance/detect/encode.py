"""Compiled rules as plain JSON values and back. Whatever does not fit raises; nothing is ever executed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields as dataclass_fields
from typing import Any

import orjson

from .among import by_digest
from .model import LEVELS, Filter, Logsource, Rule
from .nodes import FALSE, TRUE, All, AnyOf, Atom, Const, Node, Not, Op, Wild
from .predicates import among

_PATTERN = frozenset({Op.LIKE, Op.CASED_LIKE})
#: Operators that want several values, and how many.
_SEVERAL = {Op.REGEX: 2, Op.COMPARE: 2, Op.FIELD: 2, Op.EXPAND: 2, Op.TIME: 4}
_OPS = {op.value: op for op in Op}
_APART = ("condition", "logsource", "source_file")
_PLAIN = [f.name for f in dataclass_fields(Rule) if f.name not in _APART]
_PLAIN_OF_FILTER = [f.name for f in dataclass_fields(Filter) if f.name not in _APART]
_LISTS = frozenset({"tags", "references", "falsepositives", "placeholders", "rules"})


class Text:
    """A condition as JSON: most rules of a large set are never shown an event, and a tree takes ten times as much."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def node(self) -> Node:
        """The condition. Raises ValueError when the text is none, which only a damaged cache can bring about."""
        # Lone surrogates are escapes that only the standard library reads.
        return decode_node(json.loads(self.text) if "\\ud" in self.text else orjson.loads(self.text))


def _text(node: Node) -> str:
    plain = encode_node(node)
    try:
        return orjson.dumps(plain).decode()
    except TypeError:
        # A lone surrogate, which only the standard library writes.
        return json.dumps(plain)


def encode_rule(rule: Rule) -> dict[str, Any]:
    """A rule without the file it came from."""
    return _encode(rule, _PLAIN)


def decode_rule(plain: dict[str, Any], file: str) -> Rule:
    """The rule of `encode_rule`, read from `file`. Raises ValueError, KeyError, TypeError."""
    if plain["level"] not in range(len(LEVELS)):
        raise ValueError("level")
    return Rule(**_decode(plain, _PLAIN), source_file=file)


def encode_filter(one: Filter) -> dict[str, Any]:
    """A filter without the file it came from."""
    return _encode(one, _PLAIN_OF_FILTER)


def decode_filter(plain: dict[str, Any], file: str) -> Filter:
    """The filter of `encode_filter`, read from `file`. Raises ValueError, KeyError, TypeError."""
    return Filter(**_decode(plain, _PLAIN_OF_FILTER), source_file=file)


def _encode(document: Rule | Filter, names: Iterable[str]) -> dict[str, Any]:
    source = document.logsource
    return {name: getattr(document, name) for name in names} | {
        "logsource": [source.product, source.category, source.service],
        "condition": stored(document).text,
    }


def _decode(plain: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    values = {name: tuple(plain[name]) if name in _LISTS and plain[name] is not None else plain[name] for name in names}
    return values | {"logsource": Logsource(*plain["logsource"]), "condition": Text(str(plain["condition"]))}


def stored(document: Rule | Filter) -> Text:
    """The condition as text, made when it is not kept so."""
    return document.condition if isinstance(document.condition, Text) else Text(_text(document.node))


def both(one: Text, other: Text, name: str) -> Text:
    """The conjunction of two conditions, the second under a name, without reading either."""
    return Text(f'["&","",[{one.text},["&",{json.dumps(name)},[{other.text}]]]]')


def encode_node(node: Node) -> Any:
    """A tree as nested lists. A long list is named by its digest, and so only read where a rule has it."""
    if isinstance(node, Const):
        return node.value
    if isinstance(node, Not):
        return ["!", encode_node(node.child)]
    if isinstance(node, All | AnyOf):
        return ["&" if isinstance(node, All) else "|", node.name, [encode_node(child) for child in node.children]]
    return ["=", node.field, node.op.value, _plain_wanted(node)]


def _plain_wanted(atom: Atom) -> Any:
    if atom.op in _PATTERN:
        assert isinstance(atom.wanted, tuple)
        return [part.value if isinstance(part, Wild) else part for part in atom.wanted]
    if atom.op is Op.AMONG:
        return among(atom).digest
    if atom.op is Op.COMPARE:
        assert isinstance(atom.wanted, tuple)
        name, number = atom.wanted[:2]
        # JSON keeps no integers of more than 64 bits.
        return [name, str(number) if type(number) is int else number]
    return atom.wanted


def decode_node(plain: Any) -> Node:
    """The tree of `encode_node`. Raises ValueError."""
    if isinstance(plain, bool):
        return TRUE if plain else FALSE
    match plain:
        case ["=", field, op, wanted] if op in _OPS:
            return Atom(field, _OPS[op], _wanted(_OPS[op], wanted))
        case ["&", str(name), list(children)]:
            return All(tuple([decode_node(child) for child in children]), name)
        case ["|", str(name), list(children)]:
            return AnyOf(tuple([decode_node(child) for child in children]), name)
        case ["!", child]:
            return Not(decode_node(child))
    raise ValueError("not a condition")


def _wanted(op: Op, wanted: Any) -> Any:
    if op in _PATTERN:
        return tuple(part if isinstance(part, str) else Wild(part) for part in wanted)
    if op is Op.AMONG:
        return by_digest(str(wanted))
    if op in _SEVERAL:
        if len(wanted) != _SEVERAL[op]:
            raise ValueError("wanted")
        if op is Op.COMPARE and isinstance(wanted[1], str):
            return wanted[0], int(wanted[1])
        return tuple(wanted)
    if wanted is not None and not isinstance(wanted, str):
        raise ValueError("wanted")
    return wanted

"""Compiled rules as plain JSON values and back. Whatever does not fit raises; nothing is ever executed."""

from __future__ import annotations

import json
from dataclasses import fields as dataclass_fields
from typing import Any

import orjson

from .model import LEVELS, Logsource, Rule
from .nodes import FALSE, TRUE, All, AnyOf, Atom, Const, Node, Not, Op, Wild

_PATTERN = frozenset({Op.LIKE, Op.CASED_LIKE})
_PAIR = frozenset({Op.REGEX, Op.COMPARE, Op.FIELD})
_OPS = {op.value: op for op in Op}
_PLAIN = [f.name for f in dataclass_fields(Rule) if f.name not in ("condition", "logsource", "source_file")]
_LISTS = frozenset({"tags", "references", "falsepositives"})


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


def condition_text(rule: Rule) -> str:
    """The condition of a rule as JSON: two rules with one text have one condition."""
    return rule.condition.text if isinstance(rule.condition, Text) else _text(rule.node)


def encode_rule(rule: Rule) -> dict[str, Any]:
    """A rule without the file it came from."""
    plain = {name: getattr(rule, name) for name in _PLAIN}
    source = rule.logsource
    return plain | {
        "logsource": [source.product, source.category, source.service],
        "condition": condition_text(rule),
    }


def decode_rule(plain: dict[str, Any], file: str) -> Rule:
    """The rule of `encode_rule`, read from `file`. Raises ValueError, KeyError, TypeError."""
    values: dict[str, Any] = {name: tuple(plain[name]) if name in _LISTS else plain[name] for name in _PLAIN}
    if values["level"] not in range(len(LEVELS)):
        raise ValueError("level")
    return Rule(
        **values,
        logsource=Logsource(*plain["logsource"]),
        source_file=file,
        condition=Text(str(plain["condition"])),
    )


def encode_node(node: Node) -> Any:
    """A tree as nested lists."""
    if isinstance(node, Const):
        return node.value
    if isinstance(node, Not):
        return ["!", encode_node(node.child)]
    if isinstance(node, All | AnyOf):
        return ["&" if isinstance(node, All) else "|", node.name, [encode_node(child) for child in node.children]]
    wanted = node.wanted
    if node.op in _PATTERN:
        assert isinstance(wanted, tuple)
        parts = [part.value if isinstance(part, Wild) else part for part in wanted]
        return ["=", node.field, node.op.value, parts]
    return ["=", node.field, node.op.value, wanted]


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
    if op in _PAIR:
        first, second = wanted
        return first, second
    if wanted is not None and not isinstance(wanted, str):
        raise ValueError("wanted")
    return wanted

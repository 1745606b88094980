"""What an engine has learned of its events, to be kept between runs: the clauses that each rule is looked up by.

A plan belongs to one class of events. It is bytes until a partition of that class is built: most classes of a box's
plans are never seen in one run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson

from .among import is_known
from .clauses import Clause, Kind, Literal
from .encode import decode_node, encode_node, stored
from .model import Rule
from .nodes import Op
from .routes import EventClass

#: The clauses of one entry; None for a condition that no event of the class can satisfy.
Choice = Sequence[Clause] | None
_KINDS = {kind.value: kind for kind in Kind}


@dataclass(frozen=True, slots=True)
class Plan:
    """The choices by the entry's key, and whether they were made from events or by guess."""

    learned: bool
    choices: Mapping[str, Choice]


Plans = Mapping[EventClass, bytes]


def entry_key(rule: Rule, feed: int) -> str:
    """A name for a rule's condition as shown the events of its feed number `feed`."""
    text = stored(rule).text.encode("utf-8", "surrogatepass")
    return f"{blake2b(text, digest_size=12).hexdigest()}{feed}"


def encode_plan(plan: Plan) -> bytes:
    """The plan as JSON, each literal once. Raises TypeError when a text has no UTF-8 form."""
    numbers: dict[Literal, int] = {}

    def row(clause: Clause) -> list[int]:
        return [numbers.setdefault(literal, len(numbers)) for literal in clause]

    choices = {
        key: None if choice is None else [row(clause) for clause in choice] for key, choice in plan.choices.items()
    }
    return orjson.dumps({"learned": plan.learned, "choices": choices, "literals": list(map(_plain, numbers))})


def decode_plan(raw: bytes) -> Plan:
    """The plan of `encode_plan`. Raises ValueError, KeyError, TypeError, IndexError."""
    document = orjson.loads(raw)
    literals = [_literal(plain) for plain in document["literals"]]
    choices: dict[str, Choice] = {}
    for key, rows in document["choices"].items():
        found = None if rows is None else [[literals[number] for number in row] for row in rows]
        if found is None:
            choices[key] = None
        elif all(literal is not None for row in found for literal in row):
            choices[key] = [frozenset(literal for literal in row if literal is not None) for row in found]
    return Plan(bool(document["learned"]), choices)


def _plain(literal: Literal) -> list[Any]:
    node = None if literal.node is None else encode_node(literal.node)
    return [literal.key, literal.kind.value, literal.text, node]


def _literal(plain: Sequence[Any]) -> Literal | None:
    """A literal; None for one that asks for a list as no rule has it any more, which no rule is looked up by."""
    key, kind, text, node = plain
    if node and node[0] == "=" and node[2] == Op.AMONG and not is_known(node[3]):
        return None
    return Literal(key, _KINDS[kind], text, None if node is None else decode_node(node))


def pack_plans(plans: Plans) -> list[Any]:
    """All plans as one JSON value."""
    return [[*kind, raw.decode("utf-8")] for kind, raw in plans.items()]


def unpack_plans(rows: Iterable[Sequence[Any]]) -> dict[EventClass, bytes]:
    """The plans of `pack_plans`. Raises ValueError, TypeError, AttributeError."""
    return {
        EventClass(module, channel, code, category, tuple(more)): raw.encode()
        for module, channel, code, category, more, raw in rows
    }

"""Rules in an office's time zone: what is compiled, and cached, means the usual one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from .encode import stored
from .model import Filter, Rule
from .moments import OFFICE
from .nodes import All, AnyOf, Atom, Node, Not, Op

_Document = TypeVar("_Document", Rule, Filter)
_MARK = f'"{Op.TIME.value}"'


def in_zone(documents: Sequence[_Document], zone: str) -> list[_Document]:
    """Return rules or filters with their time parts read by the clocks of a zone (a name of the IANA database)."""
    if zone == OFFICE:
        return list(documents)
    # Most conditions are texts, and need not be read to see that they ask for no time.
    return [replace(one, condition=_moved(one.node, zone)) if _MARK in stored(one).text else one for one in documents]


def _moved(node: Node, zone: str) -> Node:
    if isinstance(node, Not):
        return Not(_moved(node.child, zone))
    if isinstance(node, All | AnyOf):
        return replace(node, children=tuple(_moved(child, zone) for child in node.children))
    if isinstance(node, Atom) and node.op is Op.TIME:
        assert isinstance(node.wanted, tuple)
        return replace(node, wanted=(*node.wanted[:3], zone))
    return node

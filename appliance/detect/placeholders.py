"""Placeholders (`user|expand: '%admins%'`): lines that wait for the site's lists, and are filled from them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from .among import among
from .faulty import Refused
from .lines import MAX_ATOMS, each_value, line_node, split_key
from .modifiers import PLACEHOLDER, Lists, value_of
from .moments import LOCAL
from .nodes import FALSE, All, AnyOf, Atom, Node, Not, Op, all_of, any_of, atoms, negate


class Unfilled(Refused):
    """A line with placeholders cannot be filled; `line` is where it stands in its file."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def names_in(values: object) -> list[str]:
    """The names of the placeholders in the values of a line."""
    listed = values if isinstance(values, list) else [values]
    return [name[1:-1] for value in listed if isinstance(value, str) for name in PLACEHOLDER.findall(value)]


def waiting(key: str, values: object, line: int) -> Node:
    """The line as it is, until the site's lists are known."""
    field, names = split_key(key)
    each_value(values, lambda raw: _checked(raw, names))
    return Atom(field, Op.EXPAND, (key, json.dumps([line, values])))


def _checked(raw: object, names: Sequence[str]) -> Node:
    value_of(raw, regex="re" in names)
    return FALSE


def placeholders(node: Node) -> tuple[str, ...]:
    """The names of the lists that a tree waits for, as they are written."""
    found: dict[str, None] = {}
    for atom in atoms(node):
        if atom.op is Op.EXPAND:
            assert isinstance(atom.wanted, tuple)
            found |= dict.fromkeys(names_in(json.loads(str(atom.wanted[1]))[1]))
    return tuple(found)


def expanded(node: Node, lists: Lists) -> Node:
    """The tree with its placeholders filled from `lists`. Raises Unfilled."""
    return _Filling(lists).node(node)


class _Filling:
    """One tree being filled, with the number of comparisons that this may still add."""

    def __init__(self, lists: Lists) -> None:
        self._lists = lists
        self._left = MAX_ATOMS

    def node(self, node: Node) -> Node:
        """The node, filled."""
        if isinstance(node, Not):
            return negate(self.node(node.child))
        if isinstance(node, All | AnyOf):
            group = all_of if isinstance(node, All) else any_of
            return group([self.node(child) for child in node.children], node.name)
        return self._line(node) if isinstance(node, Atom) and node.op is Op.EXPAND else node

    def _line(self, atom: Atom) -> Node:
        assert isinstance(atom.wanted, tuple)
        line, values = json.loads(str(atom.wanted[1]))
        field, names = split_key(str(atom.wanted[0]))
        many = among(field, names, values, self._lists)
        if many is not None and field not in LOCAL:
            return many
        try:
            found = line_node(str(atom.wanted[0]), values, self._lists)
        except Refused as refused:
            raise Unfilled(refused.message, int(line)) from refused
        self._left -= sum(1 for _ in atoms(found))
        if self._left < 0:
            raise Unfilled(f"listy dają regule ponad {MAX_ATOMS} porównań; skróć je", int(line))
        return found

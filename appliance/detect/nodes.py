"""The condition of a rule as a small tree: values only, no knowledge of events or files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from .among import Texts

#: A wildcard pattern: literal texts and `Wild` in the order they stand.
Pattern = tuple["str | Wild", ...]
#: What an atom compares with; its shape belongs to the atom's operator.
Wanted = Union[str, Pattern, tuple[str, float], tuple[str, str], tuple[str, str, int, str], "Texts", None]


class Wild(Enum):
    """`*` stands for any text, `?` for exactly one character."""

    MANY = 0
    ONE = 1


class Op(StrEnum):
    """How a field's value is compared. Folded unless it says `CASED`."""

    EQUALS = "equals"
    CONTAINS = "contains"
    STARTSWITH = "startswith"
    ENDSWITH = "endswith"
    LIKE = "like"
    CASED_EQUALS = "cased equals"
    CASED_CONTAINS = "cased contains"
    CASED_STARTSWITH = "cased startswith"
    CASED_ENDSWITH = "cased endswith"
    CASED_LIKE = "cased like"
    REGEX = "regex"  # wanted = (pattern, flags out of "ims")
    CIDR = "cidr"
    COMPARE = "compare"  # wanted = (lt|lte|gt|gte, number)
    TIME = "time"  # wanted = (minute|hour|day|week|month|year|weekday, equals|lt|lte|gt|gte, number, time zone)
    ANY = "any"  # `field: '*'`: at least one value
    NULL = "null"  # no value at all
    EXISTS = "exists"
    FIELD = "field"  # wanted = (other field, equals|startswith|endswith|contains)
    AMONG = "among"  # wanted = Texts: the values of a long list
    EXPAND = "expand"  # wanted = (key, values as JSON): a line that waits for the site's lists, never decided


CASED = {
    Op.EQUALS: Op.CASED_EQUALS,
    Op.CONTAINS: Op.CASED_CONTAINS,
    Op.STARTSWITH: Op.CASED_STARTSWITH,
    Op.ENDSWITH: Op.CASED_ENDSWITH,
    Op.LIKE: Op.CASED_LIKE,
}
#: Operators of the rule author's text that decide on one value alone.
FOLDED = {cased: folded for folded, cased in CASED.items()}


@dataclass(frozen=True, slots=True)
class Atom:
    """One comparison. `field` is a Sigma field name; None means any value of the event (a keyword)."""

    field: str | None
    op: Op
    wanted: Wanted = None


@dataclass(frozen=True, slots=True)
class Const:
    """A part of a condition that is decided already."""

    value: bool


@dataclass(frozen=True, slots=True)
class Not:
    """True when its child is not."""

    child: Node


@dataclass(frozen=True, slots=True)
class All:
    """True when every child is. `name` is the search identifier it came from, or empty."""

    children: tuple[Node, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True when one child is. `name` is the search identifier it came from, or empty."""

    children: tuple[Node, ...]
    name: str = ""


Node = Atom | Const | Not | All | AnyOf
NODES = (Atom, Const, Not, All, AnyOf)
TRUE = Const(True)
FALSE = Const(False)


def all_of(children: Iterable[Node], name: str = "") -> Node:
    """The conjunction of `children`, without constants and without a group of one nameless child."""
    kept: list[Node] = []
    for child in children:
        if isinstance(child, Const):
            if not child.value:
                return FALSE
        elif isinstance(child, All) and not child.name:
            kept.extend(child.children)
        else:
            kept.append(child)
    return _grouped(All(tuple(kept), name), TRUE)


def any_of(children: Iterable[Node], name: str = "") -> Node:
    """The disjunction of `children`, without constants and without a group of one nameless child."""
    kept: list[Node] = []
    for child in children:
        if isinstance(child, Const):
            if child.value:
                return TRUE
        elif isinstance(child, AnyOf) and not child.name:
            kept.extend(child.children)
        else:
            kept.append(child)
    return _grouped(AnyOf(tuple(kept), name), FALSE)


def _grouped(group: All | AnyOf, empty: Const) -> Node:
    if not group.children:
        return empty
    if len(group.children) == 1 and not group.name:
        return group.children[0]
    return group


def negate(child: Node) -> Node:
    """The negation of `child`, without double negation."""
    if isinstance(child, Const):
        return FALSE if child.value else TRUE
    return child.child if isinstance(child, Not) else Not(child)


def atoms(node: Node) -> Iterator[Atom]:
    """Every atom of the tree, with repetitions, from left to right."""
    if isinstance(node, Atom):
        yield node
    elif isinstance(node, Not):
        yield from atoms(node.child)
    elif isinstance(node, All | AnyOf):
        for child in node.children:
            yield from atoms(child)


def fields(node: Node) -> set[str | None]:
    """The Sigma field names a tree looks at, those behind field references included; None for keywords."""
    found: set[str | None] = set()
    for atom in atoms(node):
        found.add(atom.field)
        if atom.op is Op.FIELD:
            assert isinstance(atom.wanted, tuple)
            found.add(str(atom.wanted[0]))
    return found

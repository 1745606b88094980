"""One `field|modifiers: values` line of a detection to a tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .faulty import Refused
from .modifiers import (
    LINE_WIDE,
    NAMES,
    Either,
    Lists,
    Network,
    Number,
    Presence,
    Reference,
    Regex,
    Text,
    local,
    modified,
    value_of,
)
from .moments import LOCAL, OFFICE
from .nodes import CASED, FALSE, Atom, Node, Op, Wild, all_of, any_of, negate
from .plainly import instead, of_regex
from .regexes import RegexRefused, searcher
from .values import fold, text
from .written import mapped, shape

#: Atoms of one rule.
MAX_ATOMS = 50_000
#: Wildcards of one value: what it costs to look for it grows with them.
MAX_WILDCARDS = 64
#: Faulty values of one line that are told one by one.
MAX_TOLD = 100
_REFERENCES = {(True, True): "contains", (True, False): "startswith", (False, True): "endswith"}


class TooMany(Refused):
    """A line makes more comparisons than a rule may have."""


class InValues(Refused):
    """Values of a line are refused: (place in the list, message) of each."""

    def __init__(self, faults: Sequence[tuple[int, str]]) -> None:
        super().__init__(faults[0][1])
        self.faults = faults


def each_value(values: object, read: Callable[[Any], Node]) -> list[Node]:
    """Every value of a line read. Raises InValues with those that are refused, as far as they are told."""
    nodes: list[Node] = []
    faults: list[tuple[int, str]] = []
    for place, value in enumerate(values if isinstance(values, list) else [values]):
        try:
            nodes.append(read(value))
        except TooMany:
            raise
        except Refused as refused:
            faults.append((place, refused.message))
            if len(faults) == MAX_TOLD:
                break
    if faults:
        raise InValues(faults)
    return nodes


def line_node(key: str, values: object, lists: Lists) -> Node:
    """One `field|modifiers: values` line. Raises Refused."""
    field, names = split_key(key)
    part = LOCAL.get(field or "")
    made = 0

    def read(raw: object) -> Node:
        nonlocal made
        value = modified(value_of(raw, regex="re" in names), names, lists)
        if part is not None:
            value = local(value, part)
        made += len(value.values) if isinstance(value, Either) else 1
        if made > MAX_ATOMS:
            raise TooMany(f"wiersz daje ponad {MAX_ATOMS} porównań; skróć go albo listy, z których korzysta")
        return _node(field, value)

    if values == [] and not LINE_WIDE.issuperset(names):
        raise Refused("pusta lista z modyfikatorem niczego nie porównuje; wpisz wartości albo usuń wiersz")
    parts = each_value(values, read)
    if part is not None and not parts:
        return FALSE
    node = (all_of if "all" in names else any_of)(parts or [_null(field)])
    return negate(node) if "neq" in names else node


def split_key(key: str) -> tuple[str | None, list[str]]:
    """The field of a line, None for keywords, and its modifiers. Raises Refused for an unknown one."""
    field, *names = key.split("|")
    for name in names:
        if name not in NAMES:
            raise Refused(f"nieznany modyfikator „{name}” w „{key}”; {instead(name, sorted(NAMES))}")
    return field or None, names


def _node(field: str | None, value: Any) -> Node:
    return _NODES[type(value)](field, value)


def _either(field: str | None, value: Either) -> Node:
    return any_of([_node(field, each) for each in value.values])


def _bool(field: str | None, value: bool) -> Node:
    return Atom(field, Op.CONTAINS if field is None else Op.EQUALS, text(value))


def _number(field: str | None, value: Number) -> Node:
    if value.part:
        return Atom(field, Op.TIME, (value.part, value.operator, int(value.number), OFFICE))
    if value.operator != "equals":
        return Atom(field, Op.COMPARE, (value.operator, value.number))
    return Atom(field, Op.CONTAINS if field is None else Op.EQUALS, fold(text(value.number)))


def _network(field: str | None, value: Network) -> Node:
    return Atom(field, Op.CIDR, value.text)


def _presence(field: str | None, value: Presence) -> Node:
    if field is None:
        raise Refused("modyfikator exists wymaga nazwy pola; zapisz go jako „pole|exists: true”")
    return Atom(field, Op.EXISTS) if value.wanted else negate(Atom(field, Op.EXISTS))


def _reference(field: str | None, value: Reference) -> Node:
    if field is None:
        raise Refused("modyfikator fieldref wymaga nazwy pola; zapisz go jako „pole|fieldref: inne_pole”")
    return Atom(field, Op.FIELD, (value.field, _REFERENCES.get((value.at_start, value.at_end), "equals")))


def _null(field: str | None, _: object = None) -> Node:
    if field is None:
        raise Refused("wartość null wymaga nazwy pola; zapisz ją jako „pole: null”")
    return Atom(field, Op.NULL)


def _text(field: str | None, value: Text) -> Node:
    if sum(isinstance(part, Wild) for part in value.pattern) > MAX_WILDCARDS:
        raise Refused(f"ponad {MAX_WILDCARDS} znaków * i ? w jednej wartości; podziel ją na kilka")
    pattern = value.pattern if value.cased else mapped(value.pattern, fold)
    op, wanted = shape(pattern, keyword=field is None)
    return Atom(field, CASED[op] if value.cased and op in CASED else op, wanted)


def _regex(field: str | None, value: Regex) -> Node:
    pattern = value.pattern
    if value.at_start != value.at_end:
        pattern = rf"\A(?:{pattern})" if value.at_start else rf"(?:{pattern})\z"
    try:
        searcher(pattern, value.flags)
    except RegexRefused as error:
        raise Refused(f"RE2 nie przyjmuje tego wyrażenia regularnego: {of_regex(str(error))}") from error
    return Atom(field, Op.REGEX, (pattern, value.flags))


_NODES: Mapping[type, Callable[[str | None, Any], Node]] = {
    Either: _either,
    Text: _text,
    bool: _bool,
    Number: _number,
    Regex: _regex,
    Network: _network,
    Presence: _presence,
    Reference: _reference,
    type(None): _null,
}

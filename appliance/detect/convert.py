"""The detection part of a rule, as YAML gives it, to a condition tree. All that is wrong is said at once.

What cannot be decided is refused here; the reading of each line is `modifiers`, of the condition `conditions`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .conditions import condition_node
from .faulty import Path, Refused
from .modifiers import (
    NAMES,
    PLACEHOLDER,
    Either,
    Lists,
    Network,
    Number,
    Presence,
    Reference,
    Regex,
    Text,
    modified,
    value_of,
)
from .nodes import CASED, FALSE, All, AnyOf, Atom, Node, Not, Op, all_of, any_of, atoms, negate
from .regexes import RegexRefused, searcher
from .values import fold, text
from .written import mapped, shape
from .yamldoc import Document

#: Atoms of one rule.
MAX_ATOMS = 50_000
#: Lists inside one another under one search identifier.
MAX_NESTING = 20
Fault = tuple[Path, str]
_REFERENCES = {(True, True): "contains", (True, False): "startswith", (False, True): "endswith"}


class Detection:
    """Reads one detection map. With `lists` None, lines with placeholders become EXPAND atoms for later.

    `faults` are (path from the detection map, message); a faulty part counts as false.
    """

    def __init__(self, lists: Lists | None, line_of: Callable[[Path], int]) -> None:
        self._lists = lists
        self._line_of = line_of
        self.faults: list[Fault] = []

    def node(self, detection: Mapping[Any, Any], *, also: Sequence[str] = ()) -> Node:
        """The whole condition; several conditions are alternatives. Keys in `also` are no search identifiers."""
        identifiers = {
            name: self._identifier(part, name)
            for name, part in detection.items()
            if name not in ("condition", *also) and self._is_text(name)
        }
        if not identifiers:
            self.faults.append(((), "nie ma ani jednej nazwy z warunkami (np. selection); dodaj ją"))
            return FALSE
        lines = detection.get("condition")
        if not lines:
            self.faults.append(((), "nie ma warunku; dodaj klucz „condition”, np. condition: selection"))
            return FALSE
        found = [self._condition(line, identifiers) for line in (lines if isinstance(lines, list) else [lines])]
        return self._bounded(any_of(found))

    def _is_text(self, name: object) -> bool:
        if not isinstance(name, str):
            self.faults.append(((), f"klucz {name!r} nie jest tekstem; ujmij go w cudzysłów"))
        return isinstance(name, str)

    def _condition(self, line: object, identifiers: Mapping[str, Node]) -> Node:
        try:
            return condition_node(line, identifiers)
        except Refused as refused:
            self.faults.append((("condition",), refused.message))
            return FALSE

    def _bounded(self, node: Node) -> Node:
        for count, _ in enumerate(atoms(node)):
            if count >= MAX_ATOMS:
                self.faults.append((("condition",), f"reguła ma ponad {MAX_ATOMS} porównań; podziel ją na kilka reguł"))
                return FALSE
        return node

    def _identifier(self, part: object, name: str) -> Node:
        """One search identifier: a map (all), or a list of maps and values (any)."""
        return self._part(part, (name,), name)

    def _part(self, part: object, path: Path, name: str = "") -> Node:
        if len(path) > MAX_NESTING:
            self.faults.append((path, f"ponad {MAX_NESTING} list jedna w drugiej; uprość zapis"))
            return FALSE
        if isinstance(part, Mapping):
            if not part:
                self.faults.append((path, "pusta mapa; dodaj do niej warunki albo usuń tę nazwę"))
            return all_of([self._line(key, value, (*path, key)) for key, value in part.items()], name)
        if isinstance(part, list) and any(isinstance(each, list | Mapping) for each in part):
            return any_of([self._part(each, (*path, place)) for place, each in enumerate(part)], name)
        # Plain values without a field name are keywords.
        return all_of([self._line("", part, path)], name)

    def _line(self, key: object, values: object, path: Path) -> Node:
        if not isinstance(key, str):
            self.faults.append((path[:-1], f"klucz {key!r} nie jest tekstem; ujmij go w cudzysłów"))
            return FALSE
        try:
            if self._lists is None and "expand" in key.split("|") and _names(values):
                return _waiting(key, values, self._line_of(path))
            return line_node(key, values, self._lists or {})
        except _InValue as refused:
            place = (refused.place,) if isinstance(values, list) else ()
            self.faults.append(((*path, *place), f"{refused.message} (w „{key}”)" if key else refused.message))
        except Refused as refused:
            self.faults.append((path, refused.message))
        return FALSE


def document_node(
    document: Document, key: str, lists: Lists | None, faults: list[tuple[int, str]], *, also: Sequence[str] = ()
) -> Node:
    """The condition under `key` of a document; what is wrong is added to `faults` with its line."""

    def line_of(path: Path) -> int:
        return document.line_of(key, *path)

    reader = Detection(lists, line_of)
    node = reader.node(document.value[key], also=also)
    faults.extend((line_of(path), message) for path, message in reader.faults)
    return node


class _InValue(Refused):
    """One value of a line is refused."""

    def __init__(self, message: str, place: int) -> None:
        super().__init__(message)
        self.place = place


def line_node(key: str, values: object, lists: Lists) -> Node:
    """One `field|modifiers: values` line. Raises Refused."""
    field, names = _split(key)
    listed = values if isinstance(values, list) else [values]
    parts = [_value_node(field, place, value, names, lists) for place, value in enumerate(listed)]
    node = (all_of if "all" in names else any_of)(parts or [_null(field)])
    return negate(node) if "neq" in names else node


def _split(key: str) -> tuple[str | None, list[str]]:
    field, *names = key.split("|")
    for name in names:
        if name not in NAMES:
            raise Refused(f"nieznany modyfikator „{name}” w „{key}”; popraw go lub usuń")
    return field or None, names


def _waiting(key: str, values: object, line: int) -> Node:
    """The line as it is, until the site's lists are known."""
    field, names = _split(key)
    for place, value in enumerate(values if isinstance(values, list) else [values]):
        try:
            value_of(value, regex="re" in names)
        except Refused as refused:
            raise _InValue(refused.message, place) from refused
    return Atom(field, Op.EXPAND, (key, json.dumps([line, values])))


def _value_node(field: str | None, place: int, raw: object, names: Sequence[str], lists: Lists) -> Node:
    try:
        return _node(field, modified(value_of(raw, regex="re" in names), names, lists))
    except Refused as refused:
        raise _InValue(refused.message, place) from refused


def _node(field: str | None, value: Any) -> Node:
    return _NODES[type(value)](field, value)


def _either(field: str | None, value: Either) -> Node:
    return any_of([_node(field, each) for each in value.values])


def _bool(field: str | None, value: bool) -> Node:
    return Atom(field, Op.CONTAINS if field is None else Op.EQUALS, text(value))


def _number(field: str | None, value: Number) -> Node:
    if value.part:
        return Atom(field, Op.TIME, (value.part, value.operator, int(value.number)))
    if value.operator != "equals":
        return Atom(field, Op.COMPARE, (value.operator, float(value.number)))
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
        raise Refused(
            f"wyrażenia regularnego nie przyjmuje RE2: {error}; usuń odwołania wstecz i konstrukcje (?=…), (?!…)"
        ) from error
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


class Unfilled(Refused):
    """A line with placeholders cannot be filled; `line` is where it stands in its file."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def _names(values: object) -> list[str]:
    listed = values if isinstance(values, list) else [values]
    return [name[1:-1] for value in listed if isinstance(value, str) for name in PLACEHOLDER.findall(value)]


def placeholders(node: Node) -> tuple[str, ...]:
    """The names of the lists that a tree waits for, as they are written."""
    found: dict[str, None] = {}
    for atom in atoms(node):
        if atom.op is Op.EXPAND:
            assert isinstance(atom.wanted, tuple)
            found |= dict.fromkeys(_names(json.loads(str(atom.wanted[1]))[1]))
    return tuple(found)


def expanded(node: Node, lists: Lists) -> Node:
    """The tree with its placeholders filled from `lists`. Raises Unfilled."""
    if isinstance(node, Not):
        return negate(expanded(node.child, lists))
    if isinstance(node, All | AnyOf):
        group = all_of if isinstance(node, All) else any_of
        return group([expanded(child, lists) for child in node.children], node.name)
    if isinstance(node, Atom) and node.op is Op.EXPAND:
        assert isinstance(node.wanted, tuple)
        line, values = json.loads(str(node.wanted[1]))
        try:
            return line_node(str(node.wanted[0]), values, lists)
        except Refused as refused:
            raise Unfilled(refused.message, int(line)) from refused
    return node

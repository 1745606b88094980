"""The detection part of a rule, as YAML gives it, to a condition tree. All that is wrong is said at once.

Lines are read by `lines`, the condition by `conditions`; what they refuse gets its place here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .conditions import condition_node
from .faulty import Path, Refused
from .lines import MAX_ATOMS, InValues, line_node
from .modifiers import NO_LISTS
from .nodes import FALSE, Node, all_of, any_of, atoms
from .placeholders import names_in, waiting
from .yamldoc import Document

#: Lists inside one another under one search identifier.
MAX_NESTING = 20
Fault = tuple[Path, str]


class Detection:
    """Reads one detection map. Lines with placeholders become EXPAND atoms, which wait for the site's lists.

    `faults` are (path from the detection map, message); a faulty part counts as false.
    """

    def __init__(self, line_of: Callable[[Path], int]) -> None:
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
            self.faults.append(((*path[:-1], str(key)), f"klucz {key!r} nie jest tekstem; ujmij go w cudzysłów"))
            return FALSE
        try:
            if "expand" in key.split("|") and names_in(values):
                return waiting(key, values, self._line_of(path))
            return line_node(key, values, NO_LISTS)
        except InValues as refused:
            for place, message in refused.faults:
                where = (*path, place) if isinstance(values, list) else path
                self.faults.append((where, f"{message} (w „{key}”)" if key else message))
        except Refused as refused:
            self.faults.append((path, refused.message))
        return FALSE


def document_node(document: Document, key: str, faults: list[tuple[int, str]], *, also: Sequence[str] = ()) -> Node:
    """The condition under `key` of a document; what is wrong is added to `faults` with its line."""

    def line_of(path: Path) -> int:
        return document.line_of(key, *path)

    reader = Detection(line_of)
    node = reader.node(document.value[key], also=also)
    faults.extend((line_of(path), message) for path, message in reader.faults)
    return node

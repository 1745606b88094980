"""YAML of strangers: bounded in size, depth and repetition, and with the line of every key kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from .plainly import of_yaml

#: Bytes of one rule file.
MAX_BYTES = 1 << 20
#: Documents in one file.
MAX_DOCUMENTS = 1000
#: Levels of nesting; libyaml's composer recurses in C and would overflow the stack.
MAX_DEPTH = 40
#: What may be said of a value's type: `!` is text, the others are those of YAML's core schema.
_TAGS = frozenset(
    {"!", *(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq"))}
)
#: What PyYAML raises for dates and numbers that look right and are not (2024-13-45, `!!int ""`, `!!bool maybe`).
_UNREADABLE = (ValueError, LookupError, AttributeError, TypeError, ArithmeticError)
#: Characters of a strange tag that are told.
_TAG_SHOWN = 60


class YamlFault(ValueError):
    """The text is not acceptable YAML; `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: its plain value and the node tree that knows the lines."""

    value: Any
    node: yaml.Node

    @property
    def line(self) -> int:
        """Where the document's content starts."""
        return int(self.node.start_mark.line) + 1

    def line_of(self, *path: str | int) -> int:
        """The line of the key or element at `path`, or of the deepest part of the path that is there."""
        node, line = self.node, self.line
        for name in path:
            found = _part(node, name)
            if found is None:
                break
            line, node = int(found[0].start_mark.line) + 1, found[1]
        return line


def _part(node: yaml.Node, name: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(name, str):
        return next((pair for pair in _pairs(node) if pair[0].value == name), None)
    elements = node.value if isinstance(node, yaml.SequenceNode) else []
    return (elements[name], elements[name]) if name < len(elements) else None


def _pairs(node: yaml.Node) -> list[tuple[yaml.Node, yaml.Node]]:
    return list(node.value) if isinstance(node, yaml.MappingNode) else []


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def read_documents(text: str) -> list[Document]:
    """The non-empty documents of a YAML text. Raises YamlFault."""
    try:
        _check_shape(text)
        return _compose(text)
    except yaml.MarkedYAMLError as error:
        raise _marked(error, text) from error
    except yaml.reader.ReaderError as error:
        # libyaml counts bytes.
        line = text.encode()[: error.position].count(b"\n") + 1
        raise YamlFault(line, f"znak U+{error.character:04X} nie może stać w pliku YAML; usuń go") from error
    except yaml.YAMLError as error:
        raise YamlFault(1, f"to nie jest poprawny YAML: {error}; popraw zapis") from error


def _marked(error: yaml.MarkedYAMLError, text: str) -> YamlFault:
    """A fault of the text itself: a quotation that never ends is told where it begins."""
    problem, mark = error.problem or "", error.problem_mark or error.context_mark
    if "unexpected end of stream" in problem:
        mark = error.context_mark or mark
    if mark is None:
        return YamlFault(1, f"to nie jest poprawny YAML: {of_yaml(problem, '')}")
    lines = text.splitlines() or [""]
    row = min(mark.line, len(lines) - 1)
    said = of_yaml(problem, lines[row][mark.column : mark.column + 1])
    return YamlFault(row + 1, f"to nie jest poprawny YAML, kolumna {mark.column + 1}: {said}")


def _check_shape(text: str) -> None:
    depth = documents = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise YamlFault(_line(event), "odwołania YAML (*nazwa) nie są przyjmowane; wpisz wartość w całości")
        _check_tag(event)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise YamlFault(_line(event), f"ponad {MAX_DEPTH} poziomów zagnieżdżenia; uprość zapis")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > MAX_DOCUMENTS:
                raise YamlFault(_line(event), f"ponad {MAX_DOCUMENTS} dokumentów w jednym pliku; podziel plik")


def _check_tag(event: yaml.Event) -> None:
    tag = getattr(event, "tag", None)
    if tag is not None and tag not in _TAGS:
        name = tag.replace("tag:yaml.org,2002:", "!!")[:_TAG_SHOWN]
        raise YamlFault(
            _line(event), f"znacznik typu „{name}” nie jest przyjmowany; usuń go albo ujmij wartość w cudzysłów"
        )


def _compose(text: str) -> list[Document]:
    loader = yaml.CSafeLoader(text)
    found = []
    try:
        while loader.check_node():
            node = loader.get_node()
            assert node is not None
            _check_keys(node)
            value = _construct(loader, node)
            if value is not None:
                found.append(Document(value, node))
    finally:
        loader.dispose()
    return found


def _construct(loader: Any, node: yaml.Node) -> Any:
    try:
        return loader.construct_document(node)
    except _UNREADABLE as error:
        raise YamlFault(
            node.start_mark.line + 1, f"nie można odczytać wartości: {error}; popraw ją albo ujmij w cudzysłów"
        ) from error


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _check_keys(node: yaml.Node) -> None:
    seen: set[str] = set()
    for key, _ in _pairs(node):
        if isinstance(key, yaml.ScalarNode):
            if key.value in seen:
                raise YamlFault(
                    key.start_mark.line + 1, f"klucz „{key.value}” stoi dwa razy w tej samej mapie; usuń jeden z nich"
                )
            seen.add(key.value)
    for child in _children(node):
        _check_keys(child)

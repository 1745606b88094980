"""Strict reading of our YAML tables: every fault has its file and line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml


class SchemaError(ValueError):
    """A table is wrong; the text begins with file:line."""


class Table:
    """One mapping of a YAML file, which knows where it and its keys stand."""

    def __init__(self, path: Path, line: int, items: Mapping[str, Any], lines: Mapping[str, int]) -> None:
        self.path = path
        self.line = line
        self._items = items
        self._lines = lines
        self._taken: set[str] = set()

    def fault(self, message: str, key: str | None = None) -> SchemaError:
        """Return the error for this mapping, or for one of its keys."""
        return SchemaError(f"{self.path.name}:{self._lines.get(key or '', self.line)}: {message}")

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text; without a default the key must be there."""
        value = self._get(key, default)
        if not isinstance(value, str) or not value:
            raise self.fault(f"{key} must be a text", key)
        return value

    def optional(self, key: str) -> str | None:
        """Return a text or None."""
        return self.text(key) if key in self._items else None

    def integer(self, key: str) -> int:
        """Return an integer."""
        value = self._get(key, None)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.fault(f"{key} must be an integer", key)
        return value

    def raw(self, key: str) -> Any:
        """Return whatever stands there; the key must be there."""
        return self._get(key, None)

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, empty when the key is absent."""
        value = self._get(key, ())
        items = [value] if isinstance(value, str) else list(value)
        if not all(isinstance(item, str) and item for item in items):
            raise self.fault(f"{key} must be a list of texts", key)
        return tuple(items)

    def names(self, key: str) -> dict[str, str]:
        """Return a mapping of text to text, empty when the key is absent."""
        table = self.table(key)
        return {name: table.text(name) for name in table.keys()} if table else {}  # noqa: SIM118 - not a dict

    def table(self, key: str) -> Table | None:
        """Return a mapping inside this one, None when absent."""
        value = self._get(key, False)
        if value is False:
            return None
        if not isinstance(value, Table):
            raise self.fault(f"{key} must be a mapping", key)
        return value

    def tables(self, key: str) -> tuple[Table, ...]:
        """Return a list of mappings, empty when absent."""
        value = self._get(key, ())
        if not isinstance(value, list | tuple) or not all(isinstance(item, Table) for item in value):
            raise self.fault(f"{key} must be a list of mappings", key)
        return tuple(value)

    def keys(self) -> list[str]:
        """Return the keys in the order of the file."""
        return list(self._items)

    def items(self) -> Mapping[str, Any]:
        """Return all keys and values as they stand, for another mapping to take over."""
        return self._items

    def __contains__(self, key: str) -> bool:
        return key in self._items

    def close(self) -> None:
        """Raise SchemaError for a key that nothing asked for."""
        for key in self._items:
            if key not in self._taken:
                raise self.fault(f"unknown key {key!r}", key)

    def _get(self, key: str, default: Any) -> Any:
        self._taken.add(key)
        if key in self._items:
            return self._items[key]
        if default is None:
            raise self.fault(f"{key} is missing")
        return default


def read_table(path: Path) -> Table:
    """Return the mapping that a YAML file holds. Raises SchemaError for bad YAML and keys that repeat."""
    try:
        with path.open(encoding="utf-8") as handle:
            node = yaml.compose(handle, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SchemaError(f"{path.name}:{line}: {error.problem}") from error
    value = _build(node, path, {}) if node is not None else None
    if not isinstance(value, Table):
        raise SchemaError(f"{path.name}:1: the file must hold a mapping")
    return value


def _build(node: yaml.Node, path: Path, done: dict[int, Any]) -> Any:
    if id(node) in done:
        return done[id(node)]
    if isinstance(node, yaml.MappingNode):
        value: Any = _mapping(node, path, done)
    elif isinstance(node, yaml.SequenceNode):
        value = [_build(item, path, done) for item in node.value]
    else:
        value = _SCALARS.construct_object(node)
    done[id(node)] = value
    return value


def _mapping(node: yaml.MappingNode, path: Path, done: dict[int, Any]) -> Table:
    items: dict[str, Any] = {}
    lines: dict[str, int] = {}
    merged: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key, line = str(key_node.value), key_node.start_mark.line + 1
        if key == "<<":
            merged.update(_merged(value_node, path, line, done))
            continue
        if key in items:
            raise SchemaError(f"{path.name}:{line}: {key!r} stands twice")
        items[key] = _build(value_node, path, done)
        lines[key] = line
    return Table(path, node.start_mark.line + 1, {**merged, **items}, lines)


def _merged(node: yaml.Node, path: Path, line: int, done: dict[int, Any]) -> Mapping[str, Any]:
    """Return what YAML's merge key brings in: the keys of another mapping, which the mapping's own go before."""
    other = _build(node, path, done)
    if not isinstance(other, Table):
        raise SchemaError(f"{path.name}:{line}: only a mapping can be merged")
    return other.items()


_SCALARS = yaml.SafeLoader("")

"""Which fields there are: the schema, short names for people, and what the store has seen."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType

from appliance import plainyaml
from appliance.search.errors import QueryError
from appliance.search.nodes import Field, Kind
from rules import ROOT

SCHEMA = ROOT / "schema" / "fields.yaml"
_ALIASES = Path(__file__).with_name("aliases.yml")
SIMILAR = 3


@cache
def columns() -> Mapping[str, Kind]:
    """Return the schema's fields and their kinds, in its order (rules/schema/fields.yaml)."""
    return MappingProxyType({name: Kind(entry["type"]) for name, entry in _schema().items()})


@cache
def labels(lang: str) -> Mapping[str, str]:
    """Return what each field of the schema is, in a few words of a language (`pl` or `en`)."""
    return MappingProxyType({name: entry[lang] for name, entry in _schema().items()})


@cache
def _schema() -> dict[str, dict[str, str]]:
    loaded: dict[str, dict[str, str]] = plainyaml.load(SCHEMA.read_text("utf-8"))["fields"]
    return loaded


@cache
def aliases() -> Mapping[str, tuple[str, ...]]:
    """Return the short names and the fields they stand for (aliases.yml)."""
    return MappingProxyType({name: tuple(names) for name, names in _table()["aliases"].items()})


@cache
def _table() -> dict[str, dict[str, list[str]]]:
    loaded: dict[str, dict[str, list[str]]] = plainyaml.load(_ALIASES.read_text("utf-8"))
    return loaded


@dataclass(frozen=True, slots=True)
class Fields:
    """Resolves the names that a query may use. `seen` are names outside the schema that stored events have.

    With `every`, events may have names that nobody wrote down, and a query may use any.
    """

    seen: Collection[str] = ()
    schema: Mapping[str, Kind] = field(default_factory=columns)
    every: bool = False

    def resolve(self, name: str, position: int = 0) -> tuple[Field, ...]:
        """Return the fields behind a name, short or full. Raises QueryError with similar names for an unknown one."""
        if name in self.schema or name in self.seen or name.startswith(tuple(_table()["open"])):
            return (self._field(name),)
        if name in aliases():
            return tuple(self._field(full) for full in aliases()[name])
        if self.every:
            return (self._field(name),)
        similar = self.similar(name)
        if not similar:
            raise QueryError(position, "field_alone", pole=name)
        raise QueryError(position, "field", pole=name, podobne=", ".join(similar))

    def similar(self, name: str) -> list[str]:
        """Return at most three known names that look like this one, nearest first."""
        known = {one.lower(): one for one in (*self.seen, *self.schema, *aliases())}
        wanted = name.lower()
        near = difflib.get_close_matches(wanted, known, SIMILAR, 0.7)
        near += [
            low for low in sorted(known) if low.rsplit(".", 1)[-1] == wanted.rsplit(".", 1)[-1] and low not in near
        ]
        return [known[low] for low in near[:SIMILAR]]

    def _field(self, name: str) -> Field:
        return Field(name, self.schema.get(name, Kind.KEYWORD))

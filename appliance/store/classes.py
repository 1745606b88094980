"""Classes of events by how long they are kept: rules/retention/classes.yaml, read strictly. Pure but for reading it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from appliance.normalise.tables import SchemaError, Table, read_table
from appliance.search import Kind, columns
from rules import ROOT

FILE = ROOT / "retention" / "classes.yaml"
ORDINARY = "ordinary"
"""The class of what no other class takes."""
MARKS = ("P", "S1", "S2", "U")
MOST_CLASSES, MOST_VALUES, MOST_DAYS = 16, 1000, 36_500
_ID = re.compile(r"[a-z][a-z0-9_]{0,39}")
_TEXTS = frozenset({Kind.KEYWORD, Kind.WILDCARD, Kind.TEXT, Kind.IP})


@dataclass(frozen=True, slots=True)
class FieldTest:
    """A field, and the values of which it must have one: all texts, or all integers."""

    field: str
    values: tuple[str, ...] | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SourceClass:
    """Events that are kept equally long. `match` has alternatives; all tests of one must hold."""

    id: str
    days: int
    names: Mapping[str, str]
    basis: str = ""
    mark: str = ""
    match: tuple[tuple[FieldTest, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Classes:
    """All classes in their order, without the ordinary one; `ordinary` has its names."""

    listed: tuple[SourceClass, ...]
    ordinary: Mapping[str, str]

    def days(self, ordinary: int, others: Mapping[str, int]) -> dict[str, int]:
        """Return the days of every class by id; `others` go before what the classes say."""
        return {ORDINARY: ordinary} | {one.id: others.get(one.id, one.days) for one in self.listed}

    def name(self, source_class: str, language: str) -> str:
        """Return the name of a class in a language; of an unknown one its id."""
        named = {one.id: one.names for one in self.listed} | {ORDINARY: self.ordinary}
        return named[source_class][language] if source_class in named else source_class


@lru_cache(maxsize=1)
def shipped() -> Classes:
    """Return the classes that ship with the box."""
    return load(FILE)


def load(path: Path) -> Classes:
    """Return the classes of a file. Raises SchemaError with file and line, OSError."""
    table = read_table(path)
    ordinary = table.table("ordinary")
    if ordinary is None:
        raise table.fault("ordinary is missing")
    found = Classes(tuple(map(_class, table.tables("classes"))), _names(ordinary))
    table.close()
    ordinary.close()
    ids = [one.id for one in found.listed]
    for at, row in enumerate(table.tables("classes")):
        if ids[at] in {ORDINARY, *ids[:at]}:
            raise row.fault(f"class {ids[at]!r} stands twice", "id")
    if len(ids) > MOST_CLASSES:
        raise table.fault(f"more than {MOST_CLASSES} classes", "classes")
    return found


def _names(row: Table) -> dict[str, str]:
    return {language: row.text(language) for language in ("pl", "en")}


def _class(row: Table) -> SourceClass:
    made = SourceClass(
        row.text("id"),
        row.integer("days"),
        _names(row),
        row.text("basis"),
        row.text("mark"),
        tuple(map(_alternative, row.tables("match"))),
    )
    row.close()
    if not _ID.fullmatch(made.id):
        raise row.fault(f"{made.id!r} is no name of a class", "id")
    if not 1 <= made.days <= MOST_DAYS:
        raise row.fault(f"days must be from 1 to {MOST_DAYS}", "days")
    if made.mark not in MARKS:
        raise row.fault(f"mark must be one of {', '.join(MARKS)}", "mark")
    if not made.match:
        raise row.fault("match must name something", "match")
    return made


def _alternative(row: Table) -> tuple[FieldTest, ...]:
    tests = tuple(_test(row, name) for name in row.keys())  # noqa: SIM118 - not a dict
    if not tests:
        raise row.fault("an alternative must name a field")
    return tests


def _test(row: Table, name: str) -> FieldTest:
    kind = columns().get(name)
    wanted = str if kind in _TEXTS else int if kind is Kind.LONG else None
    if wanted is None:
        raise row.fault(f"{name!r} is no field of words or whole numbers", name)
    values = row.raw(name)
    if not isinstance(values, list) or not values or len(values) > MOST_VALUES:
        raise row.fault(f"{name} must be a list of 1 to {MOST_VALUES} values", name)
    if any(type(value) is not wanted for value in values):
        raise row.fault(f"{name} must have {'texts' if wanted is str else 'whole numbers'}", name)
    return FieldTest(name, tuple(values))


__all__ = ["FILE", "ORDINARY", "Classes", "FieldTest", "SchemaError", "SourceClass", "load", "shipped"]

"""The tree of a query. Values only; `evaluate` gives it meaning, a store compiles it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum

from appliance.search.regextree import Regex


class Kind(StrEnum):
    """Type of a field, as rules/schema/fields.yaml writes it."""

    KEYWORD = "keyword"
    WILDCARD = "wildcard"
    TEXT = "text"
    LONG = "long"
    IP = "ip"
    DATE = "date"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True)
class Field:
    """A field's full name and its kind."""

    name: str
    kind: Kind


class Wild(Enum):
    """A wildcard within a pattern."""

    MANY = "*"
    ONE = "?"


@dataclass(frozen=True, slots=True)
class Pattern:
    """Folded text and wildcards; `inside` = it may stand anywhere in the value, else it is the whole value."""

    parts: tuple[str | Wild, ...]
    inside: bool

    @property
    def literal(self) -> str | None:
        """The text when there is no wildcard, otherwise None."""
        texts = [part for part in self.parts if isinstance(part, str)]
        return "".join(texts) if len(texts) == len(self.parts) else None


@dataclass(frozen=True, slots=True)
class Exact:
    """The very text or number, case and all. The language does not write it; the box's own questions do."""

    value: str | int


@dataclass(frozen=True, slots=True)
class Exists:
    """The field has a value."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """A range of numbers; a bound that is None is open. `…_in` = the bound itself belongs to it."""

    low: int | float | None
    high: int | float | None
    low_in: bool = True
    high_in: bool = True


@dataclass(frozen=True, slots=True)
class Texts:
    """A range of folded texts by code point; a bound that is None is open."""

    low: str | None
    high: str | None
    low_in: bool = True
    high_in: bool = True


@dataclass(frozen=True, slots=True)
class Network:
    """Addresses from `low` to `high` of one IP version, as integers."""

    version: int
    low: int
    high: int


Test = Pattern | Exact | Exists | Numbers | Texts | Network | Regex


@dataclass(frozen=True, slots=True)
class Everything:
    """The empty query."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A test on any element of any of `fields`; without fields on every text of the event."""

    fields: tuple[Field, ...]
    test: Test
    position: int = 0


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of them."""

    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Not this one; an event without the field counts."""

    child: Node


Node = Everything | Leaf | And | Or | Not

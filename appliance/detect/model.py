"""Rules as the rest of the box sees them, and what was wrong with those that could not be loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from .nodes import NODES, Node

if TYPE_CHECKING:
    from .correlation.model import Correlation

#: Sigma's words for severity, in the order of the box's numbers 0 to 4.
LEVELS = ("informational", "low", "medium", "high", "critical")
#: Statuses that are not loaded unless asked for.
RETIRED = frozenset({"deprecated", "unsupported"})


@dataclass(frozen=True, slots=True)
class Logsource:
    """What a rule is written for, in Sigma's words."""

    product: str | None = None
    category: str | None = None
    service: str | None = None

    def __str__(self) -> str:
        parts = (("product", self.product), ("category", self.category), ("service", self.service))
        return ", ".join(f"{name} {value}" for name, value in parts if value)


class Stored(Protocol):
    """A condition that is kept as text until it is asked for."""

    def node(self) -> Node:
        """The condition."""


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One detection rule. `level` is 0 informational to 4 critical; `line` is where it starts in `source_file`.

    `placeholders` are the site lists that its condition names. Before they are filled it cannot be decided.
    `licence` is what the rule itself says.
    """

    id: str
    title: str
    level: int
    status: str
    tags: tuple[str, ...]
    logsource: Logsource
    source_file: str
    line: int
    condition: Node | Stored
    description: str = ""
    author: str = ""
    references: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    custom: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    placeholders: tuple[str, ...] = ()
    licence: str = ""

    @property
    def node(self) -> Node:
        """The condition in Sigma's field names; that of a cached rule is read anew each time."""
        return self.condition if isinstance(self.condition, NODES) else self.condition.node()

    @property
    def level_name(self) -> str:
        """Sigma's word for the level."""
        return LEVELS[self.level]


@dataclass(frozen=True, slots=True, eq=False)
class Filter:
    """A Sigma filter: its condition is joined by "and" to the rules that `rules` names (ids or names; None is any).

    `custom` are the attributes that Sigma does not know. `line` is where it starts in `source_file`.
    """

    id: str
    title: str
    logsource: Logsource
    rules: tuple[str, ...] | None
    source_file: str
    line: int
    condition: Node | Stored
    description: str = ""
    author: str = ""
    references: tuple[str, ...] = ()
    custom: dict[str, Any] = field(default_factory=dict)
    placeholders: tuple[str, ...] = ()

    @property
    def node(self) -> Node:
        """The condition in Sigma's field names."""
        return self.condition if isinstance(self.condition, NODES) else self.condition.node()


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """Something in a rule file that must be mended; lines count from 1."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Loaded rules, the faults of those that were refused, and how many were left out as retired.

    `filters` are those that were read, whether they were applied or not. `others` counts the files passed over because
    they hold content of another kind.
    """

    rules: list[Rule]
    faults: list[Fault]
    retired: int = 0
    filters: list[Filter] = field(default_factory=list)
    correlations: list[Correlation] = field(default_factory=list)
    others: int = 0


@dataclass(slots=True)
class ParsedFile:
    """What one rule file holds."""

    rules: list[Rule] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    filters: list[Filter] = field(default_factory=list)
    correlations: list[Correlation] = field(default_factory=list)

"""Correlations as values: what a correlation document says, and the truth that its condition asks for."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from appliance.detect.model import LEVELS

#: Rules that one correlation may refer to, fields that it may group by or count by.
MAX_RULES = 24
MAX_FIELDS = 8
#: Microseconds of the longest timespan: a year of 31,556,952 s.
MAX_TIMESPAN = 31_556_952_000_000
#: The highest number of events or values that may be asked for: so many are kept for each group.
MAX_COUNT = 10_000


class Kind(StrEnum):
    """The correlation types of Sigma."""

    EVENT_COUNT = "event_count"
    VALUE_COUNT = "value_count"
    TEMPORAL = "temporal"
    TEMPORAL_ORDERED = "temporal_ordered"
    VALUE_SUM = "value_sum"
    VALUE_AVG = "value_avg"
    VALUE_PERCENTILE = "value_percentile"
    VALUE_MEDIAN = "value_median"


TEMPORAL = frozenset({Kind.TEMPORAL, Kind.TEMPORAL_ORDERED})
COUNTS = frozenset({Kind.EVENT_COUNT, Kind.VALUE_COUNT})
STATISTICS = frozenset({Kind.VALUE_SUM, Kind.VALUE_AVG, Kind.VALUE_PERCENTILE, Kind.VALUE_MEDIAN})


@dataclass(frozen=True, slots=True)
class Bounds:
    """A number is asked for: each of `tests` is (operator, value) and all must hold."""

    tests: tuple[tuple[str, float], ...]
    fields: tuple[str, ...] = ()
    percentile: float | None = None

    def hold(self, number: float) -> bool:
        """Whether a number is what is asked for."""
        for name, value in self.tests:  # noqa: SIM110 - three times as fast as all(), and once for every window
            if not _TESTS[name](number, value):
                return False
        return True

    @property
    def rising(self) -> bool:
        """Whether only a lower bound is set, so that more can never undo what holds."""
        return all(name in {"gt", "gte"} for name, _ in self.tests)

    def __str__(self) -> str:
        return ", ".join(f"{name} {value:g}" for name, value in self.tests)


_TESTS: Mapping[str, Callable[[float, float], bool]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "eq": operator.eq,
    "neq": operator.ne,
}
OPERATORS = frozenset(_TESTS)


@dataclass(frozen=True, slots=True)
class Term:
    """One way to fulfil a temporal condition: rules that must occur and rules that must not, by their places."""

    wanted: tuple[int, ...]
    barred: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Expression:
    """A boolean condition over rules: any of `terms`; `text` is how it was written."""

    text: str
    terms: tuple[Term, ...]

    @property
    def rising(self) -> bool:
        """Whether no rule is asked to be absent."""
        return not any(term.barred for term in self.terms)

    def __str__(self) -> str:
        return self.text


Condition = Bounds | Expression


@dataclass(frozen=True, slots=True, eq=False)
class Correlation:
    """One correlation. `timespan` is in microseconds, `rules` are references as written: an id or a name.

    `places` gives the line of each reference in `source_file`, `licence` is what the correlation itself says.
    """

    id: str
    name: str
    title: str
    level: int
    status: str
    tags: tuple[str, ...]
    source_file: str
    line: int
    kind: Kind
    rules: tuple[str, ...]
    group_by: tuple[str, ...]
    timespan: int
    condition: Condition
    aliases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    generate: bool = False
    description: str = ""
    author: str = ""
    references: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    custom: dict[str, Any] = field(default_factory=dict)
    places: Mapping[str, int] = field(default_factory=dict)
    licence: str = ""

    @property
    def level_name(self) -> str:
        """Sigma's word for the level."""
        return LEVELS[self.level]

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields whose values are counted or computed with."""
        return self.condition.fields if isinstance(self.condition, Bounds) else ()

    def field_of(self, name: str, reference: str) -> str:
        """The field that stands for `name` in events of the referred rule: an alias is looked up."""
        return self.aliases[name][reference] if name in self.aliases else name

"""What is worked out of a field's values in one group, from the engine's statistics and from single values alike."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from appliance.normalise.model import Scalar
from appliance.search.evaluate import text_of
from appliance.store.elastic.documents import kind_of
from appliance.store.model import Measure

LOWEST, HIGHEST = -(1 << 63), (1 << 63) - 1
EXACT = 1 << 53
"""Integers up to here are exact in the engine's floating point."""


@dataclass(slots=True)
class Measured:
    """One measure of one group. `rounded` = the engine's sum may not be exact."""

    measure: Measure
    least: int | float | None = None
    most: int | float | None = None
    total: int | float | None = None
    rounded: bool = False
    different: set[tuple[str, str]] = field(default_factory=set)

    @property
    def value(self) -> int | float | None:
        """The measure; None when there was no number."""
        match self.measure.kind:
            case "distinct":
                return len(self.different)
            case "min":
                return self.least
            case "max":
                return self.most
            case "sum":
                return self.total

    def add(self, values: Iterable[Scalar]) -> int:
        """Take single values; return how many had to be kept."""
        if self.measure.kind == "distinct":
            return sum(self.add_value((kind_of(one), text_of(one))) for one in values)
        for one in values:
            if fits(one):
                assert not isinstance(one, str)
                self._take(one, one, one)
        return 0

    def add_value(self, named: tuple[str, str]) -> int:
        """Take a value by kind and text; return 1 when it is new."""
        before = len(self.different)
        self.different.add(named)
        return len(self.different) - before

    def add_statistics(self, told: dict[str, Any]) -> None:
        """Take what the engine says of many integers, each exact in floating point."""
        least, most = int(told["min"]), int(told["max"])
        if self.measure.kind == "sum" and told["count"] * max(abs(least), abs(most)) >= EXACT:
            self.rounded = True
        self._take(least, most, int(told["sum"]))

    def _take(self, least: float, most: float, total: float) -> None:
        self.least = least if self.least is None else min(self.least, least)
        self.most = most if self.most is None else max(self.most, most)
        self.total = total if self.total is None else self.total + total


def fits(value: Scalar) -> bool:
    """Return whether a value is a finite number that fits 64 bits."""
    if isinstance(value, (bool, str)):
        return False
    return LOWEST <= value <= HIGHEST if isinstance(value, int) else math.isfinite(value)

"""What correlated, as the page of an alert shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from appliance.detect.correlation import Bounds, Correlation
from appliance.detect.correlation.explain import Explanation, Part
from appliance.language import numbers
from appliance.language.dates import span


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison of the condition: `operator` is a catalogue key under `corr.test.`."""

    operator: str
    number: str


@dataclass(frozen=True, slots=True)
class Link:
    """One of the rules that came together; `plain` is the title of its card, its own is `part.title`."""

    part: Part
    plain: str


@dataclass(frozen=True, slots=True)
class Correlated:
    """A correlation that held, in words and values; `expression` is a boolean condition as it was written."""

    kind: str
    tests: tuple[Test, ...]
    expression: str
    fields: tuple[str, ...]
    window: str
    number: str
    group: tuple[tuple[str, str], ...]
    values: tuple[str, ...]
    links: tuple[Link, ...]


def correlated(one: Correlation, found: Explanation, language: str, title: Callable[[str, str], str]) -> Correlated:
    """Return a correlation's explanation for a page; `title` gives a rule's plain title, or nothing."""
    bounds = one.condition if isinstance(one.condition, Bounds) else None
    return Correlated(
        kind=found.kind,
        tests=tuple(Test(operator, _number(value, language)) for operator, value in bounds.tests) if bounds else (),
        expression="" if bounds else found.condition,
        fields=found.fields,
        window=span(found.timespan, language),
        number="" if found.number is None else _number(found.number, language),
        group=found.group,
        values=found.values,
        links=tuple(Link(part, title(part.id, language)) for part in found.parts),
    )


def _number(value: float, language: str) -> str:
    return numbers.number(int(value) if value == int(value) else round(value, 2), language)

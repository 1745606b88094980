"""Events made of the values that a rule itself has, as pySigma reads them: whole, bent, missing, several at once."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterator
from typing import Any

from sigma.conditions import ConditionFieldEqualsValueExpression, ConditionValueExpression
from sigma.types import (
    SigmaBool,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
    SpecialChars,
)

WHEN = "2026-03-07T05:09:11Z"
FILLINGS = ("", "x", "A b\n")
#: Of this share of its fields an event has a value.
THERE = 0.75


def events(trees: list[Any], number: int, source: random.Random) -> Iterator[dict[str, Any]]:
    """So many events that meet a rule's conditions, or nearly do."""
    parts = [part for tree in trees for part in leaves(tree)]
    for _ in range(number):
        event: dict[str, Any] = {"event.module": "test"}
        for field, value in parts:
            if source.random() < THERE:
                event[field or "message"] = bent(source.choice(list(values(value)) or [""]), source)
                if isinstance(value, SigmaFieldReference):
                    event[value.field] = source.choice(["same", "SAME", "thing", "samething"])
        yield event


def leaves(node: Any) -> Iterator[tuple[str | None, Any]]:
    if isinstance(node, ConditionFieldEqualsValueExpression):
        yield node.field, node.value
    elif isinstance(node, ConditionValueExpression):
        yield None, node.value
    else:
        for part in node.args:
            yield from leaves(part)


def values(value: Any) -> Iterator[Any]:
    """Plain values that meet one of a rule's, or lie beside it."""
    if isinstance(value, SigmaExpansion):
        for each in value.values:
            yield from values(each)
    elif isinstance(value, SigmaString):
        yield from (filled(value, filling) for filling in FILLINGS)
    elif isinstance(value, SigmaCompareExpression | SigmaNumber | SigmaBool):
        yield from scalars(value)
    elif isinstance(value, SigmaCIDRExpression):
        network = ipaddress.ip_network(value.cidr)
        yield from (str(network[0]), str(network[-1]), "203.0.113.9")
    elif isinstance(value, SigmaRegularExpression):
        yield plain(value)
    elif isinstance(value, SigmaFieldReference):
        yield from ("same", "samething")


def scalars(value: SigmaCompareExpression | SigmaNumber | SigmaBool) -> tuple[Any, ...]:
    if isinstance(value, SigmaBool):
        return value.boolean, str(value.boolean)
    if isinstance(value, SigmaTimestampPart):
        return (WHEN,)
    number = value.number if isinstance(value, SigmaNumber) else value.number.number
    return number, number + 1, number - 1, str(number), WHEN


def filled(value: SigmaString, filling: str) -> str:
    wild = {SpecialChars.WILDCARD_MULTI: filling, SpecialChars.WILDCARD_SINGLE: "q"}
    return "".join(part if isinstance(part, str) else wild.get(part, "zz") for part in value.s)  # type: ignore[arg-type]


def plain(value: SigmaRegularExpression) -> str:
    """A text that has the expression's letters; not always one that it finds."""
    signs = {SpecialChars.WILDCARD_MULTI: "*", SpecialChars.WILDCARD_SINGLE: "?"}
    text = "".join(part if isinstance(part, str) else signs.get(part, "") for part in value.regexp.s)  # type: ignore[arg-type]
    for construct, letters in ((".*", "xx"), (".+", "yy"), ("\\", ""), ("^", ""), ("$", "")):
        text = text.replace(construct, letters)
    return text


def bent(value: Any, source: random.Random) -> Any:
    """The value, most often as it is."""
    if not isinstance(value, str):
        return source.choice([value, value, value, str(value), (value, "zz")])
    ways = (value.upper(), f"pre {value}", f"{value} post", f"a{value}b", value[:-1], value.replace("-", "/"))
    return source.choice([value, value, value, *ways, (value, "other"), "", f"{value}\n"])

"""Correlations as plain JSON values and back, for the cache of compiled rules. Whatever does not fit raises."""

from __future__ import annotations

from dataclasses import fields as dataclass_fields
from typing import Any

from appliance.detect.model import LEVELS

from .model import Bounds, Condition, Correlation, Expression, Kind, Term

_PLAIN = [f.name for f in dataclass_fields(Correlation) if f.name not in {"condition", "kind", "source_file"}]
_LISTS = frozenset({"tags", "references", "falsepositives", "rules", "group_by"})


def encode_correlation(correlation: Correlation) -> dict[str, Any]:
    """A correlation without the file it came from."""
    plain = {name: getattr(correlation, name) for name in _PLAIN}
    return plain | {"kind": correlation.kind.value, "condition": _encode(correlation.condition)}


def _encode(condition: Condition) -> dict[str, Any]:
    if isinstance(condition, Bounds):
        tests = [[operator, value] for operator, value in condition.tests]
        return {"tests": tests, "fields": list(condition.fields), "percentile": condition.percentile}
    return {
        "text": condition.text,
        "terms": [[list(term.wanted), sorted(term.barred)] for term in condition.terms],
    }


def decode_correlation(plain: dict[str, Any], file: str) -> Correlation:
    """The correlation of `encode_correlation`, read from `file`. Raises ValueError, KeyError, TypeError."""
    values: dict[str, Any] = {name: tuple(plain[name]) if name in _LISTS else plain[name] for name in _PLAIN}
    if values["level"] not in range(len(LEVELS)):
        raise ValueError("level")
    return Correlation(**values, kind=Kind(plain["kind"]), condition=_decode(plain["condition"]), source_file=file)


def _decode(plain: dict[str, Any]) -> Condition:
    if "terms" in plain:
        terms = tuple(Term(tuple(wanted), frozenset(barred)) for wanted, barred in plain["terms"])
        return Expression(str(plain["text"]), terms)
    tests = tuple((str(operator), float(value)) for operator, value in plain["tests"])
    return Bounds(tests, tuple(plain["fields"]), plain["percentile"])

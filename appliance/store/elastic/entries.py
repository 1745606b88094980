"""A test on the entries: what the schema does not know, or has with another type (documents.py). Pure."""

from __future__ import annotations

from appliance.search.fold import fold
from appliance.search.nodes import Exact, Exists, Network, Numbers, Pattern, Test, Texts
from appliance.search.regextree import Regex
from appliance.store.elastic.clauses import (
    NONE,
    Clause,
    any_of,
    is_safe,
    is_sure,
    literal,
    pattern_text,
    span,
    term,
    wildcard,
)
from appliance.store.elastic.documents import KINDS, MARK, SEPARATOR, entry_start, escaped, kind_of, tag
from appliance.store.elastic.mapping import REST
from appliance.store.elastic.part import Part

_PATHS = (REST,)
_AFTER = chr(ord(MARK) + 1)


def part(name: str, test: Test) -> Part:
    """Return what a test on a name becomes."""
    match test:
        case Exists():
            return Part(_starting(name, "?"), NONE, _PATHS)
        case Exact(value):
            return _exact(name, value)
        case Pattern():
            found = _pattern(name, test)
            return Part(found, NONE, _PATHS) if is_sure(test) else Part(NONE, found, _PATHS)
        case Numbers() | Network() | Regex():
            # As texts they have no order.
            kinds = "if" if isinstance(test, Numbers) else "s" if isinstance(test, Network) else "?"
            return Part(NONE, any_of(_starting(name, kind) for kind in kinds), _PATHS)
        case Texts():
            return _span(name, test)


def some_text(test: Pattern) -> Clause:
    """Return what has a text among its entries that a pattern fits; too much for patterns of whole values."""
    return wildcard(REST, f"*s{MARK}{pattern_text(test)}")


def _start(name: str, kind: str) -> str:
    """The beginning of entries as a piece of a pattern; the digest keeps it exact whatever stands for odd letters."""
    return f"{literal(escaped(name))}{SEPARATOR}{tag(name)}{kind}{MARK}"


def _starting(name: str, kind: str) -> Clause:
    return wildcard(REST, f"{_start(name, kind)}*")


def _exact(name: str, value: str | int | bool) -> Part:
    kind = kind_of(value)
    if not isinstance(value, str):
        return Part(_whole(name, kind, str(value).lower()), NONE, _PATHS)
    return Part(NONE, _whole(name, kind, value), _PATHS)


def _whole(name: str, kind: str, text: str) -> Clause:
    entry = fold(entry_start(name, kind) + text)
    return term(REST, entry) if is_safe(entry) else wildcard(REST, _start(name, kind) + literal(text))


def _pattern(name: str, test: Pattern) -> Clause:
    if test.literal is not None and not test.inside:
        return any_of(_whole(name, kind, test.literal) for kind in KINDS)
    return wildcard(REST, _start(name, "?") + pattern_text(test))


def _span(name: str, test: Texts) -> Part:
    start = fold(entry_start(name, "s"))
    if not is_safe(start + (test.low or "") + (test.high or "")):
        return Part(NONE, _starting(name, "s"), _PATHS)
    bounds = {"gte" if test.low_in or test.low is None else "gt": start + (test.low or "")}
    if test.high is None:
        bounds["lt"] = start[:-1] + _AFTER
    else:
        bounds["lte" if test.high_in else "lt"] = start + test.high
    return Part(span(REST, **bounds), NONE, _PATHS)

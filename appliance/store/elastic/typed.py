"""A test on a field of the schema, where the engine has it by its type. Pure."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address

from appliance.search import Kind, columns
from appliance.search.evaluate import element_matches, integer_bounds
from appliance.search.fold import fold
from appliance.search.nodes import Exact, Exists, Network, Numbers, Pattern, Test, Texts
from appliance.store.elastic.clauses import (
    NONE,
    Clause,
    all_of,
    any_of,
    exists,
    is_safe,
    is_sure,
    literal,
    none_of,
    pattern_text,
    span,
    term,
    wildcard,
)
from appliance.store.elastic.mapping import ID, TIME, TIMESTAMP
from appliance.store.elastic.part import Part

_WHOLE = re.compile(r"-?[0-9]{1,19}")
_DIGITS = frozenset("-0123456789")
LOWEST, HIGHEST = -(1 << 63), (1 << 63) - 1
_MAPPED = {"gte": "::ffff:0.0.0.0", "lte": "::ffff:255.255.255.255"}


def part(name: str, test: Test) -> Part:
    """Return what a test on a field becomes; nothing for a field that the schema does not have."""
    kind = columns().get(name)
    match kind:
        case None:
            return Part()
        case Kind.BOOLEAN:
            return Part(any_of(term(name, value) for value in (False, True) if element_matches(test, value)))
        case Kind.LONG | Kind.DATE:
            return _number(TIME if name == TIMESTAMP else name, test)
        case Kind.IP:
            return _address(name, test)
    return _text(name, name, test)


def _text(name: str, path: str, test: Test) -> Part:
    """`path` has the texts of the field, lowercased."""
    paths = () if name == ID else (name,)
    match test:
        case Exists():
            return Part(exists(path), NONE, paths)
        case Exact(value) if isinstance(value, str):
            # Ids have no other case; whatever else is written alike is told apart by a second look.
            return Part(term(ID, value)) if name == ID else Part(NONE, _whole(path, value), paths)
        case Pattern():
            found = _whole(path, test.literal) if _is_whole(test) else wildcard(path, pattern_text(test))
            return Part(found, NONE, paths) if is_sure(test) else Part(NONE, found, paths)
        case Texts():
            return _span(path, test, paths)
        case Network():
            return Part(NONE, exists(path), paths)
    return Part()


def _is_whole(test: Pattern) -> bool:
    return test.literal is not None and not test.inside


def _whole(path: str, text: str | None) -> Clause:
    folded = fold(text or "")
    return term(path, folded) if is_safe(folded) else wildcard(path, literal(folded))


def _span(path: str, test: Texts, paths: tuple[str, ...]) -> Part:
    if not is_safe((test.low or "") + (test.high or "")):
        return Part(NONE, exists(path), paths)
    bounds = {}
    if test.low is not None:
        bounds["gte" if test.low_in else "gt"] = test.low
    if test.high is not None:
        bounds["lte" if test.high_in else "lt"] = test.high
    return Part(span(path, **bounds) if bounds else exists(path), NONE, paths)


def _number(path: str, test: Test) -> Part:
    match test:
        case Exists():
            return Part(exists(path))
        case Exact(value):
            return Part(term(path, value)) if type(value) is int and LOWEST <= value <= HIGHEST else Part()
        case Pattern():
            return _digits(path, test)
        case Numbers():
            return Part(integers(path, test))
    return Part()


def _digits(path: str, test: Pattern) -> Part:
    text = test.literal
    if text is not None and not test.inside:
        canonical = _WHOLE.fullmatch(text) and str(int(text)) == text and LOWEST <= int(text) <= HIGHEST
        return Part(term(path, int(text))) if canonical else Part()
    texts = [part for part in test.parts if isinstance(part, str)]
    # Numbers are not indexed as texts: what can be in one is looked at one by one.
    return Part(NONE, exists(path)) if _DIGITS.issuperset("".join(texts)) else Part()


def integers(path: str, test: Numbers) -> Clause:
    """Return what has an integer within a range."""
    first, last = integer_bounds(test)
    low, high = LOWEST if first is None else first, HIGHEST if last is None else last
    if low > high or low > HIGHEST or high < LOWEST:
        return NONE
    bounds = {"gte": low} if low > LOWEST else {}
    bounds |= {"lte": high} if high < HIGHEST else {}
    return span(path, **bounds) if bounds else exists(path)


def _address(name: str, test: Test) -> Part:
    if isinstance(test, Exists):
        return Part(exists(name))
    if isinstance(test, Network):
        return Part(_network(name, test))
    return _text(name, f"{name}.text", test)


def _network(name: str, test: Network) -> Clause:
    if test.version == 4:
        return span(name, gte=str(IPv4Address(test.low)), lte=str(IPv4Address(test.high)))
    inside = span(name, gte=str(IPv6Address(test.low)), lte=str(IPv6Address(test.high)))
    # The engines keep IPv4 within IPv6; the language keeps the two apart.
    return all_of([inside, none_of(span(name, **_MAPPED))])

"""A value as typed → the test that it means for a field."""

from __future__ import annotations

import re
from ipaddress import ip_network

from appliance.search.errors import QueryError
from appliance.search.fold import fold
from appliance.search.lexer import Sort, Token
from appliance.search.nodes import Exists, Field, Kind, Network, Numbers, Pattern, Test, Texts, Wild
from appliance.search.regex import regex
from appliance.search.regextree import Regex
from appliance.search.times import Now, moments, number

_BOUNDS = re.compile(r'\s*("(?:[^"\\]|\\.)*"|\S+)\s+TO\s+("(?:[^"\\]|\\.)*"|\S+)\s*', re.DOTALL)
INSIDE = (Kind.WILDCARD, Kind.TEXT)


def free(token: Token) -> Pattern | Regex:
    """Return the test of a word, phrase or regular expression that names no field. Raises QueryError."""
    if token.sort is Sort.REGEX:
        return regex(token.text, token.position + 1)
    return Pattern(token.parts, inside=True)


def test_of(field: Field, token: Token, now: Now) -> Test:
    """Return the test of `field:token`. Raises QueryError."""
    if token.sort is Sort.REGEX:
        if field.kind is Kind.DATE:
            raise QueryError(token.position, "regex_field", pole=field.name)
        return regex(token.text, token.position + 1)
    if token.parts == (Wild.MANY,):
        return Exists()
    if field.kind is Kind.DATE:
        first, last = moments(token.text, token.position, now)
        return Numbers(first, last)
    if field.kind is Kind.IP and "/" in token.text:
        return _network(token)
    return Pattern(token.parts, inside=field.kind in INSIDE)


def comparison(field: Field, operator: str, token: Token, now: Now) -> Test:
    """Return the test of `field:>=token` and its like. Raises QueryError."""
    inclusive = operator.endswith("=")
    if operator[0] == ">":
        return _range(field, (token.text, None), (inclusive, True), token.position, now)
    return _range(field, (None, token.text), (True, inclusive), token.position, now)


def span(field: Field, token: Token, now: Now) -> Test:
    """Return the test of `field:[a TO b]`, where `{` and `}` leave a bound out. Raises QueryError."""
    bounds = _BOUNDS.fullmatch(token.text[1:-1])
    if not bounds:
        raise QueryError(token.position, "range")
    low, high = (None if text == "*" else _bare(text) for text in bounds.groups())
    return _range(field, (low, high), (token.text[0] == "[", token.text[-1] == "]"), token.position, now)


def _bare(text: str) -> str:
    return re.sub(r'\\(["\\])', r"\1", text[1:-1]) if text.startswith('"') and len(text) > 1 else text


def _range(
    field: Field, bounds: tuple[str | None, str | None], inside: tuple[bool, bool], position: int, now: Now
) -> Test:
    low, high = bounds
    if field.kind is Kind.DATE:
        first = None if low is None else moments(low, position, now)[0 if inside[0] else 1]
        last = None if high is None else moments(high, position, now)[1 if inside[1] else 0]
        return Numbers(first, last, *inside)
    numbers = [None if text is None else number(text) for text in bounds]
    if all(text is None or value is not None for text, value in zip(bounds, numbers, strict=True)):
        return Numbers(numbers[0], numbers[1], *inside)
    if field.kind is Kind.LONG:
        wrong = next(t for t, value in zip(bounds, numbers, strict=True) if t is not None and value is None)
        raise QueryError(position, "number", pole=field.name, tekst=wrong)
    return Texts(None if low is None else fold(low), None if high is None else fold(high), *inside)


def _network(token: Token) -> Network:
    try:
        network = ip_network(token.text, strict=False)
    except ValueError:
        raise QueryError(token.position, "network", tekst=token.text) from None
    return Network(network.version, int(network.network_address), int(network.broadcast_address))

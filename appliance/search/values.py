"""A value as typed → the test that it means for a field."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

from appliance.clock import from_datetime
from appliance.search.errors import QueryError
from appliance.search.fold import fold
from appliance.search.lexer import Token
from appliance.search.nodes import Exists, Field, Kind, Network, Numbers, Pattern, Test, Texts, Wild

MAX_NUMBER = 1 << 63
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_DECIMAL = re.compile(r"-?[0-9]{1,19}\.[0-9]{1,30}")
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?)?)?")
_BOUNDS = re.compile(r'\s*("(?:[^"\\]|\\.)*"|\S+)\s+TO\s+("(?:[^"\\]|\\.)*"|\S+)\s*', re.DOTALL)
INSIDE = (Kind.WILDCARD, Kind.TEXT)


def free(token: Token) -> Pattern:
    """Return the test of a word or phrase that names no field."""
    return Pattern(token.parts, inside=True)


def test_of(field: Field, token: Token) -> Test:
    """Return the test of `field:token`. Raises QueryError."""
    if token.parts == (Wild.MANY,):
        return Exists()
    if field.kind is Kind.DATE:
        first, last = moments(token.text, token.position)
        return Numbers(first, last)
    if field.kind is Kind.IP and "/" in token.text:
        return _network(token)
    return Pattern(token.parts, inside=field.kind in INSIDE)


def comparison(field: Field, operator: str, token: Token) -> Test:
    """Return the test of `field:>=token` and its like. Raises QueryError."""
    inclusive = operator.endswith("=")
    if operator[0] == ">":
        return _range(field, (token.text, None), (inclusive, True), token.position)
    return _range(field, (None, token.text), (True, inclusive), token.position)


def span(field: Field, token: Token) -> Test:
    """Return the test of `field:[a TO b]`, where `{` and `}` leave a bound out. Raises QueryError."""
    bounds = _BOUNDS.fullmatch(token.text[1:-1])
    if not bounds:
        raise QueryError(token.position, "range")
    low, high = (None if text == "*" else _bare(text) for text in bounds.groups())
    return _range(field, (low, high), (token.text[0] == "[", token.text[-1] == "]"), token.position)


def _bare(text: str) -> str:
    return re.sub(r'\\(["\\])', r"\1", text[1:-1]) if text.startswith('"') and len(text) > 1 else text


def _range(field: Field, bounds: tuple[str | None, str | None], inside: tuple[bool, bool], position: int) -> Test:
    low, high = bounds
    if field.kind is Kind.DATE:
        first = None if low is None else moments(low, position)[0 if inside[0] else 1]
        last = None if high is None else moments(high, position)[1 if inside[1] else 0]
        return Numbers(first, last, *inside)
    numbers = [None if text is None else number(text) for text in bounds]
    if all(text is None or value is not None for text, value in zip(bounds, numbers, strict=True)):
        return Numbers(numbers[0], numbers[1], *inside)
    if field.kind is Kind.LONG:
        wrong = next(t for t, value in zip(bounds, numbers, strict=True) if t is not None and value is None)
        raise QueryError(position, "number", pole=field.name, tekst=wrong)
    return Texts(None if low is None else fold(low), None if high is None else fold(high), *inside)


def number(text: str) -> int | float | None:
    """Return the number that a text writes in full, or None; numbers past 2⁶³ count as texts."""
    if _INTEGER.fullmatch(text):
        value = int(text)
        return value if abs(value) < MAX_NUMBER else None
    return float(text) if _DECIMAL.fullmatch(text) else None


def moments(text: str, position: int) -> tuple[int, int]:
    """Return the first and the last microsecond that a date means: 2026-11 is all of November, UTC if no zone.

    Raises QueryError for what is no date.
    """
    found = _DATE.fullmatch(text)
    if not found:
        whole = number(text)
        if isinstance(whole, int) and len(text) > 4:
            return whole, whole
        raise QueryError(position, "date", tekst=text)
    try:
        return _moments(found)
    except (ValueError, OverflowError):
        raise QueryError(position, "date", tekst=text) from None


def _moments(found: re.Match[str]) -> tuple[int, int]:
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    start = datetime(int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), tzinfo=UTC)
    start += timedelta(seconds=int(second or 0))
    first = from_datetime(start)
    if zone and zone != "Z":
        sign = -1 if zone[0] == "-" else 1
        first -= sign * (int(zone[1:3]) * 60 + int(zone[4:6])) * 60_000_000
    if fraction:
        first += int(fraction[1:].ljust(6, "0"))
        return first, first + 10 ** (7 - len(fraction)) - 1
    return first, first + _seconds(found) * 1_000_000 - 1


def _seconds(found: re.Match[str]) -> int:
    year, month, day, hour, _minute, second, _fraction, _zone = found.groups()
    if second:
        return 1
    if hour:
        return 60
    if day:
        return 86_400
    if month:
        return calendar.monthrange(int(year), int(month))[1] * 86_400
    return (366 if calendar.isleap(int(year)) else 365) * 86_400


def _network(token: Token) -> Network:
    try:
        network = ip_network(token.text, strict=False)
    except ValueError:
        raise QueryError(token.position, "network", tekst=token.text) from None
    return Network(network.version, int(network.network_address), int(network.broadcast_address))

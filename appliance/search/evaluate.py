"""What a query means: a pure evaluator over one event, against which every store is tested."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from appliance.normalise.model import Event, Scalar
from appliance.search.automaton import Automaton
from appliance.search.fold import fold
from appliance.search.nodes import (
    And,
    Everything,
    Exact,
    Exists,
    Leaf,
    Network,
    Node,
    Not,
    Numbers,
    Or,
    Pattern,
    Test,
    Texts,
    Wild,
)
from appliance.search.regextree import Regex

MAX_RANGED = 1 << 127
"""Integers from here on are kept and found as text, never by ranges."""


def matches(node: Node, event: Event) -> bool:
    """Return whether an event answers a query."""
    match node:
        case Everything():
            return True
        case And(children):
            return all(matches(child, event) for child in children)
        case Or(children):
            return any(matches(child, event) for child in children)
        case Not(child):
            return not matches(child, event)
        case Leaf(fields, test, _):
            return any(element_matches(test, element) for element in _elements(event, tuple(f.name for f in fields)))


APART = frozenset({"event.id", "event.original"})
"""Fields that a text without a field does not look at; answers must not hang on whether originals are kept."""


def _elements(event: Event, names: tuple[str, ...]) -> Iterable[Scalar]:
    if names:
        for name in names:
            if name in event:
                yield from elements(event[name])
        return
    for name, value in event.items():
        if name not in APART:
            yield from (element for element in elements(value) if isinstance(element, str))


def elements(value: Scalar | tuple[Scalar, ...]) -> tuple[Scalar, ...]:
    """Return the elements of a value: a tuple's own, or the value itself."""
    return value if isinstance(value, tuple) else (value,)


def text_of(element: Scalar) -> str:
    """Return an element as the text that patterns see: true, false, digits, or the text itself."""
    if isinstance(element, bool):
        return "true" if element else "false"
    return element if isinstance(element, str) else repr(element)


def element_matches(test: Test, element: Scalar) -> bool:
    """Return whether one element passes a test."""
    match test:
        case Exists():
            return True
        case Exact(value):
            return type(value) is type(element) and value == element
        case Regex():
            return _automaton(test).matches(fold(text_of(element)))
        case Pattern():
            return _fits(test, fold(text_of(element)))
        case Numbers():
            return _in_numbers(test, element)
        case Texts() | Network():
            return isinstance(element, str) and _text_matches(test, element)


def _text_matches(test: Texts | Network, text: str) -> bool:
    if isinstance(test, Network):
        return in_network(text, test)
    folded = fold(text)
    above = test.low is None or folded > test.low or (test.low_in and folded == test.low)
    return above and (test.high is None or folded < test.high or (test.high_in and folded == test.high))


def _fits(pattern: Pattern, text: str) -> bool:
    """Return whether a folded text fits. The first place for each piece is as good as any: nothing is tried twice."""
    pieces = _pieces(pattern)
    if pattern.inside:
        return _in_order(pieces, text, 0, len(text))
    (first, _), (last, length) = pieces[0], pieces[-1]
    if len(pieces) == 1:
        return first.fullmatch(text) is not None
    begun, end = first.match(text), len(text) - length
    if begun is None or begun.end() > end or last.match(text, end) is None:
        return False
    return _in_order(pieces[1:-1], text, begun.end(), end)


def _in_order(pieces: Iterable[tuple[re.Pattern[str], int]], text: str, at: int, end: int) -> bool:
    for piece, _ in pieces:
        found = piece.search(text, at, end)
        if found is None:
            return False
        at = found.end()
    return True


@lru_cache(1024)
def _pieces(pattern: Pattern) -> tuple[tuple[re.Pattern[str], int], ...]:
    """Return what stands between the pattern's `*`: expressions of one length each, and that length."""
    pieces: list[list[str | Wild]] = [[]]
    for part in pattern.parts:
        if part is Wild.MANY:
            pieces.append([])
        else:
            pieces[-1].append(part)
    return tuple((_expression(piece), sum(len(p) if isinstance(p, str) else 1 for p in piece)) for piece in pieces)


def _expression(piece: Iterable[str | Wild]) -> re.Pattern[str]:
    return re.compile("".join(re.escape(part) if isinstance(part, str) else "." for part in piece), re.DOTALL)


@lru_cache(256)
def _automaton(regex: Regex) -> Automaton:
    return Automaton(regex)


def integer_bounds(test: Numbers) -> tuple[int | None, int | None]:
    """Return the closed range of integers that a range of numbers holds."""
    low = None if test.low is None else math.ceil(test.low) + (not test.low_in and math.ceil(test.low) == test.low)
    high = (
        None if test.high is None else math.floor(test.high) - (not test.high_in and math.floor(test.high) == test.high)
    )
    return low, high


def _in_numbers(test: Numbers, element: Scalar) -> bool:
    if isinstance(element, (bool, str)):
        return False
    if isinstance(element, int):
        if not -MAX_RANGED <= element < MAX_RANGED:
            return False
        first, last = integer_bounds(test)
        return (first is None or element >= first) and (last is None or element <= last)
    if math.isnan(element):
        return False
    low = -math.inf if test.low is None else float(test.low)
    high = math.inf if test.high is None else float(test.high)
    above = element > low or (element == low and (test.low_in or test.low is None))
    return above and (element < high or (element == high and (test.high_in or test.high is None)))


def in_network(text: str, network: Network) -> bool:
    """Return whether a text is an address of a network; ::ffff:10.0.0.1 counts as 10.0.0.1."""
    address = address_of(text)
    return address is not None and address[0] == network.version and network.low <= address[1] <= network.high


@lru_cache(65_536)
def address_of(text: str) -> tuple[int, int] | None:
    """Return version and number of an address, None for other text."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            address = IPv6Address(int(address))
        address = address.ipv4_mapped or address
    return address.version, int(address)

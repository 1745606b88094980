"""What an atom says about one text. The only place where comparison semantics are written."""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable
from functools import cache, lru_cache
from itertools import groupby
from typing import Any

from .among import Texts
from .moments import part_of
from .nodes import CASED, FOLDED, Atom, Op, Pattern, Wild
from .regexes import SCAN_LIMIT, encoded, like_regex, searcher
from .values import fold

Predicate = Callable[[str], bool]
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "equals": operator.eq,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}
#: The longest text that can be an address or a number worth reading.
_SHORT = 400
#: A number as sources write one; `float` also takes blanks, underscores, words and digits of other scripts.
_DECIMAL = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?").fullmatch
_WHOLE = re.compile(r"[-+]?[0-9]+").fullmatch
#: Bits before the v4 address in a mapped one.
_MAPPED_BITS = 96


@lru_cache(maxsize=65536)
def predicate(op: Op, wanted: object, keyword: bool = False) -> Predicate:
    """A function that decides `op` for one text.

    NULL, EXISTS and FIELD need the event, AMONG is decided by `of`, EXPAND never.
    """
    if op in CASED or op in FOLDED:
        return _text_predicate(op, wanted, keyword)
    if op is Op.REGEX:
        assert isinstance(wanted, tuple)
        return _regex(*wanted)
    if op is Op.CIDR:
        return _cidr(str(wanted))
    if op is Op.COMPARE:
        assert isinstance(wanted, tuple)
        return _compare(*wanted)
    if op is Op.TIME:
        assert isinstance(wanted, tuple)
        return _time(*wanted)
    if op is Op.ANY:
        return lambda _: True
    raise ValueError(f"{op} is not about one value")


def of(atom: Atom) -> Predicate:
    """The predicate of an atom."""
    if atom.op is Op.AMONG:
        # Not remembered: a list that was replaced would stay.
        return among(atom).accepts
    return predicate(atom.op, atom.wanted, atom.field is None)


def among(atom: Atom) -> Texts:
    """The texts of an atom that asks for one of many."""
    assert isinstance(atom.wanted, Texts)
    return atom.wanted


def _text_predicate(op: Op, wanted: object, keyword: bool) -> Predicate:
    cased = op in FOLDED
    plain = _like(wanted, keyword) if op in (Op.LIKE, Op.CASED_LIKE) else _plain(FOLDED.get(op, op), str(wanted))
    if cased:
        return plain
    return lambda value: plain(fold(value))


def _plain(op: Op, needle: str) -> Predicate:
    if op is Op.EQUALS:
        return lambda value: value == needle
    if op is Op.CONTAINS:
        return lambda value: needle in value
    if op is Op.STARTSWITH:
        return lambda value: value.startswith(needle)
    return lambda value: value.endswith(needle)


def _like(wanted: object, keyword: bool) -> Predicate:
    assert isinstance(wanted, tuple)
    pattern: Pattern = wanted
    search = searcher(like_regex(pattern, anchored=not keyword))
    # One search for all of it is the quickest where it is short, and keeps all places at once where it is long.
    step_by_step = cache(lambda: _steps(pattern, anchored=not keyword))

    def decide(value: str) -> bool:
        if len(value) <= SCAN_LIMIT:
            return search(encoded(value, None)) is not None
        return step_by_step()(encoded(value, None))

    return decide


def _steps(pattern: Pattern, *, anchored: bool) -> Callable[[bytes], bool]:
    """Decides a pattern part by part: what stands between two `*` is found where it first is."""
    parts = [tuple(part) for many, part in groupby(pattern, lambda one: one is Wild.MANY) if not many]
    starts = anchored and pattern[0] is not Wild.MANY
    ends = anchored and pattern[-1] is not Wild.MANY
    last = len(parts) - 1
    steps = []
    for number, part in enumerate(parts):
        bound = (r"\A" if starts and not number else "", r"\z" if ends and number == last else "")
        steps.append(searcher(f"{bound[0]}(?:{like_regex(part, anchored=False)}){bound[1]}"))

    def decide(raw: bytes) -> bool:
        for search in steps:
            found: Any = search(raw)
            if found is None:
                return False
            raw = raw[found.end() :]
        return True

    return decide


def _regex(pattern: str, flags: str) -> Predicate:
    search = searcher(pattern, flags)
    return lambda value: search(encoded(value, SCAN_LIMIT)) is not None


def address(value: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address a text is, or None. A v4 address mapped into v6 is the v4 address; zone ids are not part of it."""
    return None if len(value) > _SHORT else _address(value)


@lru_cache(maxsize=1024)
def _address(value: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    # Remembered because many rules ask about the same address one after another.
    try:
        found = ipaddress.ip_address(value.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found


def unmapped(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """A network of v4 addresses mapped into v6 as what it is: values are read so, too."""
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    return network if mapped is None else ipaddress.IPv4Network((mapped, max(network.prefixlen - _MAPPED_BITS, 0)))


def _cidr(network: str) -> Predicate:
    net = ipaddress.ip_network(network)
    version, shift = net.version, net.max_prefixlen - net.prefixlen
    prefix = int(net.network_address) >> shift

    def decide(value: str) -> bool:
        found = address(value)
        return found is not None and found.version == version and int(found) >> shift == prefix

    return decide


def _compare(name: str, number: float) -> Predicate:
    compare = _COMPARE[name]

    def decide(value: str) -> bool:
        found = number_of(value)
        return found is not None and compare(found, number)

    return decide


def number_of(value: str) -> int | float | None:
    """The number that a text writes in decimal, whole ones exactly; None for any other text."""
    if len(value) > _SHORT:
        return None
    if _WHOLE(value):
        return int(value)
    return float(value) if _DECIMAL(value) else None


def _time(part: str, name: str, number: int, zone: str) -> Predicate:
    compare = _COMPARE[name]

    def decide(value: str) -> bool:
        found = part_of(value, part, zone)
        return found is not None and compare(found, number)

    return decide


def field_predicate(how: str) -> Callable[[str, str], bool]:
    """How a field reference compares the field's text with the other field's text; case is folded."""
    if how == "contains":
        return lambda value, other: fold(other) in fold(value)
    if how == "startswith":
        return lambda value, other: fold(value).startswith(fold(other))
    if how == "endswith":
        return lambda value, other: fold(value).endswith(fold(other))
    return lambda value, other: fold(value) == fold(other)

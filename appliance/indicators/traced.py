"""From events that a rule of indicators matched back to the values and the sources that told of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from itertools import islice, product
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from appliance.detect.values import texts
from appliance.indicators.values import HOSTS, LISTS, PATHS, WIDEST, Kind, without_port
from appliance.state.indicators import Indicator

MOST, GONE = 50, 10
"""Rows of values that are told, and values of events that no row has."""
_TEXTS, _NAMED = 20, 10_000
"""Texts of one event that are looked at, and values that are looked for."""
_OF_LIST = {name: kind for kind, name in LISTS.items()} | dict.fromkeys((HOSTS, PATHS), Kind.URL)
_HASH = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})(?![0-9a-f])")
_PARTS = 12
"""Labels of a name that are looked at from its end."""
Event = Mapping[str, Any]
Named = tuple[Kind, str]
"""A kind, and a value as it is kept, in lower case."""


@dataclass(frozen=True, slots=True)
class Traced:
    """Rows of the values that events agree with, the newest first; and what events have that no row is of any more."""

    kept: tuple[Indicator, ...]
    gone: tuple[str, ...]


def kinds_of(lists: Iterable[str]) -> frozenset[Kind]:
    """Return the kinds of indicators that lists of rules have; none for lists of other things."""
    return frozenset(_OF_LIST[name] for name in map(str.lower, lists) if name in _OF_LIST)


def traced(session: Session, kinds: Collection[Kind], keys: Collection[str], events: Iterable[Event]) -> Traced:
    """Return where the values are from that a rule found under some keys of its events."""
    named = [(_texts(event, keys), set(_named(kinds, event, keys))) for event in events]
    every = dict.fromkeys(one for _, names in named for one in names)
    rows = _rows(session, set(islice(every, _NAMED)))
    known = {(Kind(one.kind), one.value.lower()) for one in rows}
    gone = dict.fromkeys(text for said, names in named if not names & known for text in said)
    return Traced(tuple(rows[:MOST]), tuple(gone)[:GONE])


def _rows(session: Session, named: Collection[Named]) -> list[Indicator]:
    if not named:
        return []
    query = select(Indicator).where(or_(*(_is(kind, named) for kind in {kind for kind, _ in named})))
    return list(session.scalars(query.order_by(Indicator.added_at.desc(), Indicator.id.desc())))


def _is(kind: Kind, named: Collection[Named]) -> ColumnElement[bool]:
    wanted = sorted(text for one, text in named if one is kind)
    # Only pages are kept in letters of either case.
    value = func.lower(Indicator.value) if kind is Kind.URL else Indicator.value
    return and_(Indicator.kind == kind.value, value.in_(wanted))


def _texts(event: Event, keys: Collection[str]) -> list[str]:
    return list(islice((text for key in keys for text in texts(event.get(key)) if text), _TEXTS))


def _named(kinds: Collection[Kind], event: Event, keys: Collection[str]) -> Iterator[Named]:
    """Yield every value that one which an event agrees with may be kept as."""
    said = [text.lower() for text in _texts(event, keys)]
    for kind in kinds:
        if kind is Kind.URL:
            yield from ((kind, page) for page in _pages(said, texts(event.get("destination.port"))))
        else:
            yield from ((kind, name) for text in said for name in _NAMES[kind](text))


def _domains(text: str) -> Iterator[str]:
    labels = without_port(text.rpartition("@")[2]).rstrip(".").split(".")[-_PARTS:]
    for at in range(len(labels) - 1):
        yield ".".join(labels[at:])


def _addresses(text: str) -> Iterator[str]:
    try:
        address = ip_address(text)
    except ValueError:
        return
    yield str(address)
    narrowest = address.max_prefixlen
    for prefix in range(narrowest - WIDEST.bit_length() + 1, narrowest):
        yield str(ip_network((address, prefix), strict=False))


def _hashes(text: str) -> Iterator[str]:
    yield from _HASH.findall(text)


def _senders(text: str) -> Iterator[str]:
    if "@" in text:
        yield text


_NAMES = {Kind.DOMAIN: _domains, Kind.ADDRESS: _addresses, Kind.HASH: _hashes, Kind.SENDER: _senders}


def _pages(said: Collection[str], ports: Collection[str]) -> Iterator[str]:
    """Yield the pages that a whole address, or host and path apart, may be kept as."""
    yield from (text.partition("://")[2] for text in said if "://" in text)
    hosts = {text for text in said if "/" not in text}
    bare = {without_port(text) for text in hosts}
    hosts |= bare | {f"{host}:{port}" for host, port in product(bare, ports)}
    yield from (host + path for host, path in product(hosts, said) if path.startswith("/"))

"""Events ↔ documents, without loss. Pure.

A value that fits its schema field's type stands under the field's name, a list as a list. Everything else is an entry
of one list, `REST`: name, kind and text of one element (kinds as in `appliance/store/shape.py`), so that any name and
any value can be kept and searched. An entry's parts:

    winlog.event_data.Foo ␟ 1f0a9c3b2e s ␞ the text

The digits are a digest of the name: entries are indexed lowercased, and names that differ in case alone stay apart.
The kind and its mark stand right before the text, so that a question about any text has one fixed place to look for.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any

import orjson

from appliance.clock import to_datetime
from appliance.normalise.model import Event, Scalar, Value
from appliance.search import Kind, columns
from appliance.search.evaluate import text_of
from appliance.store.elastic.mapping import BY, ID, LONG, LONGEST, NAMES, REST, TIME, TIMESTAMP
from appliance.store.shape import identity, moment, scalar

SEPARATOR, MARK = "\x1f", "\x1e"
_TAG = 10
KINDS = "sifb"
"""Text, integer, float, boolean; a capital marks an element of a list, E an empty list."""
_MARKS = {"u": SEPARATOR, "r": MARK}
_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1
_SURROGATES = re.compile("[\ud800-\udfff]")
FIRST_DATE, LAST_DATE = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The years 1 to 9999, which every engine writes as dates."""
_OWN = frozenset({ID, TIMESTAMP, TIME, REST, NAMES, LONG, BY})
Document = dict[str, Any]


def encode(event: Event) -> Document:
    """Return the document of an event. Lone surrogates become U+FFFD. Raises ValueError for a broken id or time."""
    time = moment(event)
    parts = Parts({TIMESTAMP: date(time), TIME: time, ID: identity(event)})
    for name, value in event.items():
        if name not in (ID, TIMESTAMP):
            parts.put(name, value)
    return parts.whole()


@dataclass(slots=True)
class Parts:
    """A document in the making: fields, entries and the entries' names."""

    found: Document
    entries: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def put(self, name: str, value: Value) -> None:
        """Put a value under its field's name or among the entries."""
        kind = columns().get(name)
        if kind is not None and _fits(kind, value):
            self.found[name] = list(map(_clean, value)) if isinstance(value, tuple) else _clean(value)
        else:
            self.names.add(_clean_text(name))
            self.entries += _entries(_clean_text(name), value)

    def whole(self, *, look: bool = True) -> Document:
        """Return it with its entries, and if one should `look`, with what of it the engine will not index."""
        if self.entries:
            self.found[REST], self.found[NAMES] = self.entries, sorted(self.names)
        unindexed = [name for name, value in self.found.items() if _is_long(value)] if look else []
        if unindexed:
            self.found[LONG] = unindexed
        return self.found


def _is_long(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_is_long, value))
    # Engines count UTF-16 units, of which some characters take two.
    return isinstance(value, str) and 2 * len(value) > LONGEST and len(value.encode("utf-16-le")) > 2 * LONGEST


def displaced(document: Mapping[str, Any], name: str | None) -> Document:
    """Return a document whose field of that name, or every field of the schema, is moved to the entries.

    For an index that does not take the field: it stays as searchable as it was.
    """
    moving = {one for one in document if one in columns() and one not in (ID, TIMESTAMP) and name in (None, one)}
    kept = {one: value for one, value in document.items() if one not in moving and one != LONG}
    entries, names = list(kept.pop(REST, [])), set(kept.pop(NAMES, []))
    for one in sorted(moving):
        value = document[one]
        entries += _entries(one, tuple(value) if isinstance(value, list) else value)
    return Parts(kept, entries, names | moving).whole()


def decode(document: Mapping[str, Any]) -> Event:
    """Return the event of a document that `encode` made."""
    event: Event = {ID: document[ID], TIMESTAMP: document[TIME]}
    for name, value in document.items():
        if name in _OWN:
            continue
        event[name] = tuple(value) if isinstance(value, list) else value
    for entry in document.get(REST, ()):
        name, kind, text = read(entry)
        if kind == "E":
            event[name] = ()
        elif kind.islower():
            event[name] = scalar(kind, text)
        else:
            before = event.get(name, ())
            assert isinstance(before, tuple)
            event[name] = (*before, scalar(kind.lower(), text))
    return event


def dump(document: Document) -> bytes:
    """Return a document as JSON."""
    return orjson.dumps(document)


@dataclass(frozen=True, slots=True)
class Item:
    """A document on its way: its index, its id (32 hex digits), its time in microseconds and its JSON."""

    index: str
    id: str
    time: int
    body: bytes


def writer_of(item: Item) -> str | None:
    """Return who wrote a document, None for one of a version that did not say so."""
    told: str | None = orjson.loads(item.body).get(BY)
    return told


def date(time: int) -> str:
    """Return a time in microseconds as every engine's dates write it; years outside 1 to 9999 are their ends."""
    return to_datetime(min(max(time, FIRST_DATE), LAST_DATE)).isoformat(timespec="microseconds")


def arrival(event: Mapping[str, Any]) -> int:
    """Return when an event arrived, in microseconds; its own time when nothing says so, within dates that exist."""
    told = event.get("event.ingested")
    time = told if type(told) is int else event[TIMESTAMP]
    assert isinstance(time, int)
    return bounded_arrival(time)


def bounded_arrival(time: int) -> int:
    """Return a time of arrival within dates that exist."""
    return min(max(time, 0), LAST_DATE)


@lru_cache(4096)
def entry_start(name: str, kind: str) -> str:
    """Return how the entries of a name and a kind begin."""
    return f"{escaped(name)}{SEPARATOR}{tag(name)}{kind}{MARK}"


@lru_cache(4096)
def tag(name: str) -> str:
    """Return the digest that tells a name from others that differ in case."""
    return hashlib.blake2b(name.encode(), digest_size=_TAG // 2).hexdigest()


def read(entry: str) -> tuple[str, str, str]:
    """Return name, kind and text of an entry."""
    name, _, told = entry.partition(SEPARATOR)
    return _unescaped(name) if "\\" in name else name, told[_TAG : _TAG + 1], told[_TAG + 2 :]


def escaped(name: str) -> str:
    """Return a name in which neither separator nor mark stands."""
    return name.replace("\\", "\\\\").replace(SEPARATOR, "\\u").replace(MARK, "\\r")


def _unescaped(name: str) -> str:
    return re.sub(r"\\(.)", lambda found: _MARKS.get(found[1], found[1]), name, flags=re.DOTALL)


def _entries(name: str, value: Value) -> list[str]:
    if not isinstance(value, tuple):
        return [_entry(name, value)]
    return [_entry(name, one, upper=True) for one in value] or [entry_of(name, "E", "")]


def entry_of(name: str, kind: str, text: str) -> str:
    """Return the entry of a clean name, a kind and a text."""
    # An empty list has no mark: no question about texts finds it.
    return entry_start(name, "E")[:-1] if kind == "E" else entry_start(name, kind) + text


def _entry(name: str, element: Scalar, *, upper: bool = False) -> str:
    kind = kind_of(element)
    return entry_start(name, kind.upper() if upper else kind) + _clean_text(text_of(element))


def kind_of(element: Scalar) -> str:
    """Return the kind of an element."""
    if isinstance(element, bool):
        return "b"
    return "s" if isinstance(element, str) else "i" if isinstance(element, int) else "f"


def _fits(kind: Kind, value: Value) -> bool:
    return all(_fitting(kind, one) for one in value) if isinstance(value, tuple) else _fitting(kind, value)


def _fitting(kind: Kind, element: Scalar) -> bool:
    match kind:
        case Kind.BOOLEAN:
            return isinstance(element, bool)
        case Kind.LONG | Kind.DATE:
            return type(element) is int and _LOWEST <= element <= _HIGHEST
        case Kind.IP:
            return isinstance(element, str) and is_address(element)
    return isinstance(element, str)


@lru_cache(65_536)
def is_address(text: str) -> bool:
    """Return whether the engines take a text as an address."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    # The engines know no zones.
    return not (isinstance(address, IPv6Address) and address.scope_id is not None)


def _clean(element: Scalar) -> Scalar:
    return _clean_text(element) if isinstance(element, str) else element


def _clean_text(text: str) -> str:
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)

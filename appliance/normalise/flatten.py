"""A JSON object, dotted or nested, as dotted names to scalars and tuples of the types that the schema gives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from agent.wire.limits import MAX_DEPTH
from appliance.normalise.model import Event, Raw, Scalar, Unreadable
from appliance.normalise.schema import fields
from appliance.normalise.times import EARLIEST, LATEST
from appliance.normalise.typed import fit

MAX_FIELDS = 1000
MAX_NAME = 256
MAX_ITEMS = 4096
UNTYPED = "czujka.untyped."
MAX_KEPT = 256
"""Lists of names that are kept."""
MAX_KEPT_NAMES = 64
_SCALAR, _TEXT = frozenset({str, int, float, bool}), frozenset({str})
_MOMENT = frozenset({datetime})
"""No JSON value is one, so each date is looked at."""
_FITTING: Mapping[str, frozenset[type]] = MappingProxyType(
    {
        "keyword": _TEXT,
        "wildcard": _TEXT,
        "text": _TEXT,
        "long": frozenset({int}),
        "boolean": frozenset({bool}),
        "date": _MOMENT,
        "ip": frozenset(),
    }
)
"""Type of a field to the types of value that fit as they are."""
_kept: dict[tuple[str, ...], tuple[frozenset[type], ...]] = {}


def flatten(record: Raw, *, foreign: bool = False) -> Event:
    """Return dotted names to scalars and tuples; null is left out.

    A value that does not fit the type of a known field moves to `czujka.untyped.<name>` as text. Raises Unreadable past
    the bounds on depth, fields and items, and for a name that appears both nested and dotted.
    """
    return _flat(record, foreign=foreign) or flatten_any(record, foreign=foreign)


def flatten_any(record: Raw, *, foreign: bool = False) -> Event:
    """Return what `flatten` returns, value by value: the general way."""
    event: Event = {}
    stack: list[tuple[str, Any, int]] = [("", record, 0)]
    while stack:
        name, value, depth = stack.pop()
        if isinstance(value, dict):
            if depth >= MAX_DEPTH:
                raise Unreadable(f"Rekord jest zagnieżdżony głębiej niż {MAX_DEPTH} poziomy.")
            for key, item in reversed(value.items()):
                stack.append((f"{name}.{key}" if name else str(key), item, depth + 1))
        elif value is not None:
            _put(event, name, value, foreign=foreign)
        if len(event) > MAX_FIELDS:
            raise Unreadable(f"Rekord ma więcej niż {MAX_FIELDS} pól.")
    return event


def _flat(record: Raw, *, foreign: bool) -> Event | None:
    """Return the event of a record of scalars and lists; None for any other, which the general way decides on."""
    names = tuple(record)
    kinds = _kept.get(names) or _learn(names)
    if kinds is None:
        return None
    event: Event = dict(record)
    for (name, value), fitting in zip(record.items(), kinds):  # noqa: B905 - as many by construction
        kind = type(value)
        if kind in fitting:
            continue
        if kind is dict:
            return None
        if kind is int and fitting is _MOMENT and EARLIEST <= value <= LATEST and not foreign:
            continue
        del event[name]
        if value is not None:
            if (
                kind is list
                and fitting is _TEXT
                and value
                and len(value) <= MAX_ITEMS
                and set(map(type, value)) == _TEXT
            ):
                event[name] = tuple(value)
            else:
                _put(event, name, value, foreign=foreign)
    return event


def _learn(names: tuple[str, ...]) -> tuple[frozenset[type], ...] | None:
    """Return, and keep while there is room, which types of value stay as they are under each name."""
    if len(names) > MAX_KEPT_NAMES or not all(map(_plain, names)):
        return None
    known = fields()
    kinds = tuple(_FITTING[known[name].type] if name in known else _SCALAR for name in names)
    if len(_kept) >= MAX_KEPT:
        _kept.clear()
    _kept[names] = kinds
    return kinds


def _plain(name: str) -> bool:
    """Tell whether a name is one that no other value can move to."""
    return 0 < len(name) <= MAX_NAME and name.isprintable() and not name.startswith(UNTYPED)


def _put(event: Event, name: str, value: Any, *, foreign: bool) -> None:
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Unreadable("Nazwa pola w rekordzie jest pusta, za długa albo zawiera znaki sterujące.")
    if name in event:
        raise Unreadable(f"Rekord ma dwa razy to samo pole „{name[:60]}”.")
    if isinstance(value, list):
        if len(value) > MAX_ITEMS:
            raise Unreadable(f"Pole „{name[:60]}” ma więcej niż {MAX_ITEMS} wartości.")
        value = tuple(_item(item) for item in value if item is not None)
        if not value:
            return
    known = fields().get(name)
    if known is None:
        event[name] = value
        return
    fitted = fit(known.type, value, foreign=foreign)
    if fitted is None:
        event[UNTYPED + name] = tuple(map(str, value)) if isinstance(value, tuple) else str(value)
    else:
        event[name] = fitted


def _item(item: Any) -> Scalar:
    """Return a list's item as a scalar; structures inside lists stay JSON text."""
    if isinstance(item, str | int | float | bool):
        return item
    return json.dumps(item, ensure_ascii=False)

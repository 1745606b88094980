"""Any other JSON object: ECS documents, dotted or nested, and unknown ones, flattened."""

from __future__ import annotations

import json
from typing import Any

from agent.wire.limits import MAX_DEPTH
from appliance.normalise.common import content_id, given_id, stamp
from appliance.normalise.model import Event, Raw, Scalar, Source, Unreadable
from appliance.normalise.schema import fields
from appliance.normalise.times import guess_time
from appliance.normalise.typed import fit

MODULE = "json"
MAX_FIELDS = 1000
MAX_NAME = 256
MAX_ITEMS = 4096
UNTYPED = "czujka.untyped."
_TIMES = ("@timestamp", "timestamp", "time", "ts", "event.start")
_HOSTS = ("host.name", "host.hostname", "hostname", "host")


def normalise(record: Raw, source: Source) -> Event:
    """Return the flattened event of one JSON object."""
    event = flatten(record, foreign=True)
    module = event.get("event.module")
    if isinstance(module, str) and module != MODULE:
        event.setdefault("event.dataset", module)
    event["event.module"] = MODULE
    when = next((event[name] for name in _TIMES if name in event), None)
    for name in _HOSTS:
        if isinstance(event.get(name), str):
            event["host.name"] = event[name]
            break
    given = {"event.id": event.get("event.id"), "event.created": guess_time(event.get("event.created"))}
    stamp(event, given, source, when, foreign=True)
    event["event.id"] = given_id(given, source) or content_id(event)
    return event


def flatten(record: Raw, *, foreign: bool = False) -> Event:
    """Return dotted names to scalars and tuples; null is left out.

    A value that does not fit the type of a known field moves to `czujka.untyped.<name>` as text. Raises Unreadable past
    the bounds on depth, fields and items, and for a name that appears both nested and dotted.
    """
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


def _put(event: Event, name: str, value: Any, *, foreign: bool) -> None:
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Unreadable("Rekord ma pole o niedopuszczalnej nazwie.")
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


__all__ = ["MODULE", "UNTYPED", "flatten", "normalise"]

"""What events of other products' JSON have in common: time, identity, typed keys, addresses of pages, nested lists."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from appliance.normalise.common import content_id, given_id, short_address, stamp
from appliance.normalise.flatten import MAX_ITEMS, MAX_NAME, flatten
from appliance.normalise.model import Event, Raw, Scalar, Source, Value
from appliance.normalise.schema import fields
from appliance.normalise.times import guess_time
from appliance.normalise.typed import fit

TIMES = ("@timestamp", "timestamp", "time", "ts", "event.start")
HOSTS = ("host.name", "host.hostname", "hostname", "host")
MAX_URL = 16_384
"""Characters of an address that is taken apart."""
MAX_LEAVES = 256
"""Names that the lists of one record may add."""
_UNCLEAN = frozenset("\x00\r\n")


def finish(event: Event, source: Source, module: str, when: object) -> Event:
    """Add module, times, agent and identity, and return the event. `when` is the source's own time, as it stands."""
    named = event.get("event.module")
    if isinstance(named, str) and named != module:
        event.setdefault("event.dataset", named)
    event["event.module"] = module
    given = {"event.id": event.get("event.id"), "event.created": guess_time(event.get("event.created"))}
    stamp(event, given, source, when, foreign=True)
    event["event.id"] = given_id(given, source) or content_id(event)
    return event


def at(record: Raw, name: str) -> Any:
    """Return what stands under a dotted name, written so or nested; None when nothing does."""
    value = record.get(name)
    if value is not None:
        return value
    node: Any = record
    for part in name.split("."):
        node = node.get(part) if isinstance(node, dict) else None
    return node


def said(record: Raw, name: str) -> str:
    """Return the text that stands under a dotted name, written so or nested; empty when there is none."""
    value = at(record, name)
    return value if isinstance(value, str) else ""


def first(event: Mapping[str, Value], names: Iterable[str]) -> Value | None:
    """Return the value of the first of the names that the event has."""
    return next((event[name] for name in names if name in event), None)


def put(event: Event, key: str, value: Value) -> bool:
    """Set a key that is free when the value fits its type; False when it was taken or does not fit."""
    if key in event:
        return False
    known = fields().get(key)
    fitted = value if known is None else fit(known.type, value, foreign=True)
    if fitted is None:
        return False
    event[key] = fitted
    return True


def address(text: Value | None) -> tuple[str, int | None] | None:
    """Return (address, port) of `1.2.3.4`, `1.2.3.4:443`, `[2001::1]:443` or `2001::1`; None for anything else."""
    if not isinstance(text, str) or len(text) > 64:
        return None
    plain = short_address(text)
    if plain:
        return plain, None
    host, _, port = text.rpartition(":")
    plain = short_address(host.removeprefix("[").removesuffix("]"))
    return (plain, int(port)) if plain and port.isascii() and port.isdecimal() and len(port) <= 5 else None


def put_address(event: Event, side: str, text: Value | None) -> None:
    """Set `<side>.ip` and `<side>.port` from an address as written."""
    found = address(text)
    if found:
        event.setdefault(f"{side}.ip", found[0])
        if found[1] is not None:
            event.setdefault(f"{side}.port", found[1])


def is_observer(record: Raw, kind: str, products: Container[str]) -> bool:
    """Tell whether a record is of an observer of a kind (`observer.type`), or its module is one of the products."""
    return said(record, "observer.type").lower() == kind or said(record, "event.module") in products


def observed(record: Raw) -> tuple[Event, Value | None]:
    """Return the event of a connection as its observer wrote it, with host and addresses, and its time as it stands."""
    event = flatten(record, foreign=True)
    when, host = first(event, TIMES), first(event, ("observer.hostname", "observer.name", *HOSTS))
    if isinstance(host, str):
        event.setdefault("host.name", host)
    for side in ("source", "destination"):
        put_address(event, side, event.get(f"{side}.address"))
    return event, when


def complete_url(event: Event, scheme: str = "http") -> None:
    """Add the parts of the address that `url.original` or `url.full` gives, and the full address from its parts."""
    whole = event.get("url.full") or event.get("url.original")
    if isinstance(whole, str) and 0 < len(whole) <= MAX_URL and not _UNCLEAN & set(whole):
        _add_parts(event, whole)
    path, domain = event.get("url.path"), event.get("url.domain")
    if "url.original" not in event and isinstance(path, str):
        query = event.get("url.query")
        event["url.original"] = f"{path}?{query}" if isinstance(query, str) and query else path
    target = event.get("url.original")
    if "url.full" not in event and isinstance(target, str) and isinstance(domain, str):
        port = event.get("destination.port")
        away = f":{port}" if isinstance(port, int) and port not in (80, 443) and ":" not in domain else ""
        event["url.full"] = target if "://" in target[:16] else f"{scheme}://{domain}{away}{target}"


def _add_parts(event: Event, whole: str) -> None:
    target = whole
    if not whole.startswith("/"):
        # A request target may begin with two slashes, which is no host.
        try:
            parts = urlsplit(whole)
            host = parts.hostname
        except ValueError:
            return
        if host:
            event.setdefault("url.domain", host)
            event.setdefault("url.full", whole)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    path, _, query = target.partition("?")
    if path:
        event.setdefault("url.path", path)
        stem, dot, extension = path.rpartition("/")[2].rpartition(".")
        if stem and dot and extension:
            event.setdefault("url.extension", extension)
    if query:
        event.setdefault("url.query", query)


def name_and_value(items: Any, values: Iterable[str], name: str = "Name") -> Iterator[tuple[str, Scalar]]:
    """Yield the pairs of a list of {Name, Value} objects; the value is under the first of `values` that is there."""
    for item in islice(items, MAX_LEAVES) if isinstance(items, list) else ():
        called = item.get(name) if isinstance(item, dict) else None
        if isinstance(called, str) and 0 < len(called) <= MAX_NAME and called.isprintable():
            value = next((item[key] for key in values if item.get(key) is not None), None)
            if isinstance(value, str | int | float | bool):
                yield called, value
            elif value is not None:
                yield called, json.dumps(value, ensure_ascii=False)


def leaves(record: Mapping[str, Any]) -> dict[str, tuple[Scalar, ...]]:
    """Return the scalars that stand in objects inside lists, by their dotted names without places.

    So `targetResources.modifiedProperties.newValue` is found whichever resource it is of. Bounded: what goes past
    `MAX_LEAVES` names or `MAX_ITEMS` values is left to the list's text.
    """
    found: dict[str, list[Scalar]] = {}
    budget = MAX_ITEMS
    stack: list[tuple[str, Any, bool]] = [("", record, False)]
    while stack and budget > 0:
        name, value, listed = stack.pop()
        budget -= 1
        if isinstance(value, dict):
            for key, item in reversed(value.items()):
                stack.append((f"{name}.{key}" if name else str(key), item, listed))
        elif isinstance(value, list):
            # What cannot be looked at within the budget is not even put down.
            stack.extend((name, item, True) for item in reversed(value[:budget]) if isinstance(item, dict | list))
        elif listed and value is not None and _room(found, name):
            found.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in found.items()}


def _room(found: Mapping[str, Any], name: str) -> bool:
    return name in found or (len(found) < MAX_LEAVES and len(name) <= MAX_NAME and name.isprintable())

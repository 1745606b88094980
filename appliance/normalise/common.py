"""What every normaliser does the same way: times, host, identity, text of values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from ipaddress import ip_address
from typing import Any

from appliance.normalise.model import Event, Raw, Source
from appliance.normalise.times import guess_time, parse_time

SEPARATOR = "\x1f"
"""Stands between the parts of an identity."""
_LONGEST_ADDRESS = 45
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}")
"""As strict as `ipaddress`, far quicker: four numbers up to 255 without leading zeros."""
_ID = re.compile(r"[0-9a-f]{32}")
_NOTHING = blake2b(digest_size=16)
"""A copy of this is made in half the time of a new one."""


def text_of(value: Any) -> str | None:
    """Return a scalar as the text that Windows would write; None for null and for structures."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None


def stamp(event: Event, record: Raw, source: Source, when: object, *, foreign: bool = False) -> None:
    """Add times, host and agent to an event.

    `when` is the source's own time: RFC 3339 text or microseconds, from `foreign` sources other counts too.
    Without a readable one `@timestamp` is the time the agent read the record, `event.time_corrected`
    is true and the source's text, if any, is in `event.time_original`.
    """
    given = record.get("event.created")
    created = None if given is None else parse_time(given)
    if created is None:
        created = source.received_at
    moment = guess_time(when) if foreign else parse_time(when)
    if moment is None:
        moment = created
        event["event.time_corrected"] = True
        if when is not None:
            event["event.time_original"] = (text_of(when) or "?")[:100]
    event["@timestamp"] = moment
    event["event.created"] = created
    event["event.ingested"] = source.received_at
    event["agent.id"] = source.agent_id
    host = event.get("host.name")
    if type(host) is not str or not host:
        event["host.name"] = source.agent_id


def given_id(record: Raw, source: Source) -> str | None:
    """Return the id that the agent gave its record; a person's imported file is not believed."""
    given = record.get("event.id")
    return given if isinstance(given, str) and not source.importer and _ID.fullmatch(given) else None


def hashed_id(text: str) -> str:
    """Return `agent.wire.event.event_id` of parts that are already joined by `SEPARATOR`."""
    state = _NOTHING.copy()
    state.update(text.encode("utf-8", "surrogatepass"))
    return state.hexdigest()


_ARRIVAL = ("event.id", "event.created", "event.ingested", "agent.id")


def content_id(event: Event) -> str:
    """Return the id of an event that has no identity of its own: a hash of all its content but arrival."""
    content = event.copy()
    for key in _ARRIVAL:
        content.pop(key, None)
    if content.get("event.time_corrected"):
        del content["@timestamp"]
    return hashed_id(SEPARATOR.join([f"{key}={content[key]!r}" for key in sorted(content)]))


@dataclass(frozen=True, slots=True)
class Meaning:
    """ECS words for a class of events."""

    category: str
    type: str | tuple[str, ...]
    action: str
    outcome: str | None = None


def apply_meaning(event: Event, meaning: Meaning | None) -> None:
    """Set category, type, action and, where the meaning has one, outcome."""
    if meaning is None:
        return
    event["event.category"] = meaning.category
    event["event.type"] = meaning.type
    event["event.action"] = meaning.action
    if meaning.outcome:
        event["event.outcome"] = meaning.outcome


def set_name(event: Event, path_key: str, name_key: str, separator: str) -> None:
    """Set the last part of a path as a name, unless the source gave one."""
    path = event.get(path_key)
    if isinstance(path, str) and path and name_key not in event:
        event[name_key] = path.rpartition(separator)[2]


def short_address(text: object) -> str | None:
    """Return an IP address in its short form, IPv4-mapped IPv6 as IPv4; None for anything else."""
    if not isinstance(text, str) or not 2 <= len(text) <= _LONGEST_ADDRESS:
        return None
    if ":" in text:
        return _short(text)
    return text if _IPV4.fullmatch(text) else None


@lru_cache(maxsize=8192)
def _short(text: str) -> str | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)

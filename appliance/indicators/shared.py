"""Values of the documents that teams share: MISP events and STIX 2.1 bundles. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from appliance.clock import from_datetime
from appliance.indicators.values import Kind


@dataclass(frozen=True, slots=True)
class Told:
    """A value that a document tells. `expires_at` in microseconds, None where it says nothing."""

    text: str
    hint: Kind | None = None
    comment: str = ""
    expires_at: int | None = None


_MISP = {
    "domain": Kind.DOMAIN,
    "hostname": Kind.DOMAIN,
    "hostname|port": Kind.DOMAIN,
    "domain|ip": None,
    "ip-src": Kind.ADDRESS,
    "ip-dst": Kind.ADDRESS,
    "ip-src|port": Kind.ADDRESS,
    "ip-dst|port": Kind.ADDRESS,
    "url": Kind.URL,
    "md5": Kind.HASH,
    "sha1": Kind.HASH,
    "sha256": Kind.HASH,
    "filename|md5": Kind.HASH,
    "filename|sha1": Kind.HASH,
    "filename|sha256": Kind.HASH,
    "email": Kind.SENDER,
    "email-src": Kind.SENDER,
}
"""Types of attributes that are understood; others say nothing that events have."""
_COMPARISON = re.compile(r"(?P<object>[a-z0-9-]+):(?P<path>[A-Za-z0-9_.'\"-]+)\s*=\s*'(?P<value>(?:[^'\\]|\\.)*)'")
_STIX = {
    "domain-name:value": Kind.DOMAIN,
    "ipv4-addr:value": Kind.ADDRESS,
    "ipv6-addr:value": Kind.ADDRESS,
    "url:value": Kind.URL,
    "email-addr:value": Kind.SENDER,
    "email-message:from_ref.value": Kind.SENDER,
    "email-message:sender_ref.value": Kind.SENDER,
    "network-traffic:dst_ref.value": None,
}
_HASHES = {"file:hashes.md5", "file:hashes.sha-1", "file:hashes.sha1", "file:hashes.sha-256", "file:hashes.sha256"}
_ESCAPE = re.compile(r"\\(.)")


def misp(document: Any) -> Iterator[Told] | None:
    """Return the values of a MISP event, or of an answer with several; None for another document."""
    events = document.get("response") if isinstance(document, dict) and "response" in document else document
    found = [_dict(one).get("Event") for one in (events if isinstance(events, list) else [events])]
    if not found or not all(isinstance(one, dict) for one in found):
        return None
    return (told for event in found for told in _of_event(_dict(event)))


def _of_event(event: Mapping[str, Any]) -> Iterator[Told]:
    info = str(event.get("info", ""))
    groups = [event, *map(_dict, _list(event.get("Object")))]
    for attribute in (_dict(one) for group in groups for one in _list(group.get("Attribute"))):
        kind = str(attribute.get("type", ""))
        wanted = attribute.get("to_ids", True) not in {False, "0"} and not attribute.get("deleted")
        if kind in _MISP and wanted:
            comment = " – ".join(filter(None, (info, str(attribute.get("comment", "")))))
            for text in _values(kind, str(attribute.get("value", ""))):
                yield Told(text, _MISP[kind], comment)


def _values(kind: str, value: str) -> list[str]:
    """Return the parts of an attribute's value that are indicators: not names of files, not ports."""
    first, _, second = value.partition("|")
    if kind == "domain|ip":
        return [first, second]
    if kind.startswith("filename|"):
        return [second]
    return [first if kind.endswith("|port") else value]


def stix(document: Mapping[str, Any]) -> Iterator[Told]:
    """Return the values of the indicators of a STIX bundle."""
    for one in map(_dict, _list(document.get("objects"))):
        if one.get("revoked"):
            continue
        if one.get("type") == "indicator" and one.get("pattern_type", "stix") == "stix":
            ends = _moment(one.get("valid_until"))
            yield from _of_pattern(str(one.get("pattern", "")), str(one.get("name", "")), ends)


def _of_pattern(pattern: str, comment: str, expires_at: int | None) -> Iterator[Told]:
    rest = _COMPARISON.sub("", pattern)
    if re.search(r"\b(AND|NOT|FOLLOWEDBY|LIKE|MATCHES|ISSUBSET|ISSUPERSET|IN)\b|!=|[<>]", rest):
        # One of the values alone would say more than the pattern does; as it stands it is refused, with its place.
        yield Told(pattern)
        return
    for found in _COMPARISON.finditer(pattern):
        path = f"{found['object']}:{found['path']}".replace("'", "").replace('"', "")
        text = _ESCAPE.sub(r"\1", found["value"])
        if path in _STIX:
            yield Told(text, _STIX[path], comment, expires_at)
        elif path.lower() in _HASHES:
            yield Told(text, Kind.HASH, comment, expires_at)


def _moment(text: object) -> int | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return from_datetime(found) if found.tzinfo is not None else None


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []

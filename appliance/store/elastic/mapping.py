"""What an index of events looks like: mappings and settings made from rules/schema, and the names of indices.

A text is indexed lowercased, for every question; as it was written it stands in `….raw`, for counting alone. What the
schema does not know, and values of another type, lie in one field (documents.py), so that no source can fill the
mapping. Values longer than `LONGEST` are kept but not indexed; `LONG` names their fields (Elasticsearch would name them
in `_ignored`, OpenSearch does not).
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from appliance.clock import DAY, from_datetime, to_datetime
from appliance.search import Kind, columns
from appliance.search.evaluate import APART

TIME = "czujka.store.time"
"""The event's time in microseconds; `@timestamp` is the same for people and Kibana, to the millisecond."""
REST = "czujka.store.rest"
NAMES = "czujka.store.names"
TEXT = "czujka.store.text"
"""Every text of the schema's fields; only indexed, copied by the engine."""
LONG = "czujka.store.long"
"""Names of the fields with a value that is too long to be indexed: what the engine cannot find is looked at by us."""
BY = "czujka.store.by"
"""Who wrote the document, a call of the writer or a copy; it alone adds the document to the sums of its hour."""
ID, TIMESTAMP = "event.id", "@timestamp"
LONGEST = 8191
"""Characters of a text that are indexed: as UTF-8 still below Lucene's 32,766 bytes a term."""
NORMALIZER = "czujka"
PRIORITY = 300
"""Of our template: above the engines' own and those of most others."""
TEXTUAL = frozenset({Kind.KEYWORD, Kind.WILDCARD, Kind.TEXT, Kind.IP})
_NAME = re.compile(r"(\d{4})\.(\d{2})\.(\d{2})(?:-([a-z][a-z0-9_]{0,39}))?-([0-9a-f]{8})")
"""Day, class of events and digest; names of classes have no `-`, so each has one meaning."""
_RAW = {"type": "keyword", "index": False, "ignore_above": LONGEST}
_FOLDED = {"type": "keyword", "normalizer": NORMALIZER, "ignore_above": LONGEST, "doc_values": False}

_OWN_KINDS: dict[str, dict[str, Any]] = {TIMESTAMP: {"type": "date"}, ID: {"type": "keyword"}}
_BY_KIND: dict[Kind, dict[str, Any]] = {
    Kind.LONG: {"type": "long"},
    Kind.DATE: {"type": "long"},
    Kind.BOOLEAN: {"type": "boolean"},
    Kind.IP: {"type": "ip", "copy_to": TEXT, "fields": {"text": _FOLDED, "raw": _RAW}},
    # Whole entries: nobody counts them, and a column of them is large.
    Kind.TEXT: {**_FOLDED, "copy_to": TEXT},
}


def _property(name: str, kind: Kind) -> dict[str, Any]:
    if name in APART - {ID}:
        # Kept and found by its own name, but not by texts without one.
        return _FOLDED
    if name in _OWN_KINDS:
        return _OWN_KINDS[name]
    return _BY_KIND.get(kind) or {**_FOLDED, "copy_to": TEXT, "fields": {"raw": _RAW}}


def mappings() -> dict[str, Any]:
    """Return the mappings; nothing that is not named here is ever indexed."""
    own = {
        TIME: {"type": "long"},
        REST: {**_FOLDED, "fields": {"raw": _RAW}},
        NAMES: {"type": "keyword", "ignore_above": LONGEST},
        LONG: {"type": "keyword", "doc_values": False},
        BY: {"type": "keyword", "index": False, "doc_values": False},
        TEXT: _FOLDED,
    }
    schema = {name: _property(name, kind) for name, kind in columns().items()}
    return {"dynamic": False, "date_detection": False, "properties": {**schema, **own}}


def index_body(shards: int = 1) -> dict[str, Any]:
    """Return the body that makes an index."""
    settings = {
        "number_of_shards": shards,
        # One node keeps no copy and is green all the same; more nodes keep one.
        "auto_expand_replicas": "0-1",
        "codec": "best_compression",
        "mapping.total_fields.limit": 2000,
        "analysis": {"normalizer": {NORMALIZER: {"type": "custom", "filter": ["lowercase"]}}},
    }
    return {"settings": {"index": settings}, "mappings": mappings()}


@cache
def digest() -> str:
    """Return what tells these mappings from others: an index never changes its mappings, a new name has new ones."""
    return hashlib.sha256(json.dumps(mappings(), sort_keys=True).encode()).hexdigest()[:8]


def index_name(prefix: str, arrived: int, source_class: str) -> str:
    """Return the index of what arrived at a moment (microseconds) and is of a class of events, "" for all together.

    A retry, however late, finds the same one.
    """
    parts = (prefix, f"{to_datetime(arrived):%Y.%m.%d}", source_class, digest())
    return "-".join(filter(None, parts))


def template_name(index: str) -> str:
    """Return the name of the template for an index of ours: prefix and digest, without day and class."""
    found = re.fullmatch(rf"(.+)-{_NAME.pattern}", index)
    assert found is not None
    return f"{found[1]}-{found[6]}"


def template_pattern(name: str) -> str:
    """Return which indices a template is for."""
    prefix, _, mark = name.rpartition("-")
    return f"{prefix}-*-{mark}"


class Contents(NamedTuple):
    """Which events an index is for: their day of arrival (since 1970) and their class.

    The class is "" for all together, as long as all were to be kept for as many days.
    """

    day: int
    source_class: str


def contents_of(prefix: str, index: str) -> Contents | None:
    """Return what an index is for by its name, None when it is none of ours."""
    found = _NAME.fullmatch(index.removeprefix(f"{prefix}-")) if index.startswith(f"{prefix}-") else None
    if found is None:
        return None
    try:
        day = datetime(int(found[1]), int(found[2]), int(found[3]), tzinfo=UTC)
    except ValueError:
        return None
    return Contents(from_datetime(day) // DAY, found[4] or "")

"""Records of what a host is made of: their fields, their bounds, and the digest by which both ends compare.

A section is a table of items, each with a key that is its own on this host. The agent sends what changed
(`inventory_item`) and, after it, what the section should now be (`inventory_state`); a box whose table gives another
digest asks for the whole section again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import blake2b

from agent.wire.event import Record, Value

ITEM = "inventory_item"
"""`event.action` of one item that is there, has changed, or is gone."""
STATE = "inventory_state"
"""`event.action` of a section's revision, count and digest."""
SECTIONS = (
    "hardware",
    "system",
    "software",
    "package",
    "update",
    "account",
    "group_member",
    "service",
    "listener",
    "autorun",
    "extension",
    "certificate",
    "disk",
    "usb_device",
    "time_source",
)
"""Every section there is, in the order people read them."""
PRESENT = "present"
GONE = "gone"
MAX_KEY = 300
"""Characters of an item's key."""
MAX_TEXT = 1000
"""Characters of one text of an item."""
MAX_LIST = 50
"""Entries of one list of an item."""
MAX_FIELDS = 8192
"""Bytes of an item's canonical text."""
MAX_ITEMS = 20_000
"""Items of one section."""

SECTION_FIELD = "inventory.section"
KEY_FIELD = "inventory.key"
STATE_FIELD = "inventory.state"
REVISION_FIELD = "inventory.revision"
COUNT_FIELD = "inventory.count"
DIGEST_FIELD = "inventory.digest"
WHOLE_FIELD = "inventory.whole"
"""In a section's state: everything of the section was sent with this revision; what has another one is gone."""
PROBLEM_FIELD = "inventory.problem"
"""In a section's state: why its last round could not look; the items are those of the round before."""
_ENVELOPE = frozenset({"@timestamp", SECTION_FIELD, KEY_FIELD, STATE_FIELD, REVISION_FIELD})
_ENVELOPES = ("event.", "host.", "agent.")


def item_fields(record: Mapping[str, Value]) -> Record:
    """Return the fields of a record that are the item's own; a field without a value is no field."""
    return {
        name: value
        for name, value in record.items()
        if value is not None and name not in _ENVELOPE and not name.startswith(_ENVELOPES)
    }


def canonical(fields: Mapping[str, Value]) -> str:
    """Return an item's fields as the one JSON text they have: keys sorted, no blanks, letters as they are.

    Raises ValueError for a number that JSON has not (NaN, infinity).
    """
    return json.dumps(item_fields(fields), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(items: Iterable[tuple[str, str]]) -> str:
    """Return the hex BLAKE2b-128 of a section, given each item's key and its canonical text, in any order.

    Lone surrogates count as the wire sends them (envelope.encode_record), so that both ends agree.
    """
    lines = sorted(f"{key}\0{text}".encode("utf-8", "replace") for key, text in items)
    return blake2b(b"\n".join(lines), digest_size=16).hexdigest()


def item_record(section: str, key: str, fields: Mapping[str, Value], *, present: bool, revision: int) -> Record:
    """Return the record of one item; of one that is gone only its key."""
    own = item_fields(fields) if present else {}
    return {
        "event.module": "czujka.agent",
        "event.action": ITEM,
        SECTION_FIELD: section,
        KEY_FIELD: key,
        STATE_FIELD: PRESENT if present else GONE,
        REVISION_FIELD: revision,
        **own,
    }


def state_record(section: str, texts: Mapping[str, str], revision: int) -> Record:
    """Return the record of what a section should be, given its items' canonical texts by key."""
    return {
        "event.module": "czujka.agent",
        "event.action": STATE,
        SECTION_FIELD: section,
        REVISION_FIELD: revision,
        COUNT_FIELD: len(texts),
        DIGEST_FIELD: digest(texts.items()),
    }

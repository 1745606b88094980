"""Events of an agent about its station, read into values with bounds. Pure.

`inventory_item`, `inventory_state` (agent/wire/inventory.py) and `posture_finding`: whatever does not have their form
is left aside, it is a stored event like any other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.wire import inventory

FINDING = "posture_finding"
ACTIONS = frozenset({inventory.ITEM, inventory.STATE, FINDING})
MODULE = "czujka.agent"
RESULTS = ("pass", "fail", "unknown")
MAX_ITEM = 8192
"""Bytes of an item's canonical text."""
MAX_VALUE = 500
MAX_REVISION = 1 << 62
_NAME = re.compile(r"[a-z0-9_]{1,64}")
_DIGEST = re.compile(r"[0-9a-f]{32}")
_SECTIONS = frozenset(inventory.SECTIONS)


@dataclass(frozen=True, slots=True)
class ItemTold:
    """An item as its agent tells it; `fields` is None when it is gone, `text` their canonical form."""

    section: str
    key: str
    fields: Mapping[str, Any] | None
    text: str
    revision: int
    at: int


@dataclass(frozen=True, slots=True)
class StateTold:
    """What a section should be."""

    section: str
    revision: int
    count: int
    digest: str
    at: int
    problem: str = ""
    """Why the agent could not look; the section is as it was when it last could."""


@dataclass(frozen=True, slots=True)
class FindingTold:
    """What an agent found of one setting."""

    name: str
    result: str
    reason: str
    value: str
    revision: int
    at: int


Told = ItemTold | StateTold | FindingTold


class TooLarge(ValueError):
    """An item beyond its bound; `section` is whose."""

    def __init__(self, section: str) -> None:
        super().__init__(section)
        self.section = section


def concerns(event: Mapping[str, Any]) -> bool:
    """Tell whether an event may be about its station."""
    return event.get("event.action") in ACTIONS and event.get("event.module") == MODULE


def read(event: Mapping[str, Any], now: int) -> Told | None:
    """Return what an event tells; None when it has not the form. Raises TooLarge.

    No time is later than `now` (µs): a clock that is ahead must not outdate what comes after it was set right.
    """
    at = min(int(event["@timestamp"]), now)
    if event.get("event.action") == FINDING:
        return _finding(event, at)
    section, revision = event.get(inventory.SECTION_FIELD), _revision(event.get(inventory.REVISION_FIELD))
    if section not in _SECTIONS or revision is None:
        return None
    if event.get("event.action") == inventory.STATE:
        return _state(event, section, revision, at)
    return _item(event, section, revision, at)


def _item(event: Mapping[str, Any], section: str, revision: int, at: int) -> ItemTold | None:
    key, state = event.get(inventory.KEY_FIELD), event.get(inventory.STATE_FIELD)
    if not isinstance(key, str) or not 0 < len(key) <= inventory.MAX_KEY or state not in _STATES:
        return None
    if state == inventory.GONE:
        return ItemTold(section, key, None, "", revision, at)
    try:
        # What is kept is what the digest is of: texts without lone surrogates, lists instead of tuples.
        text = inventory.canonical(event).encode("utf-8", "replace").decode()
    except ValueError:
        return None
    if len(text.encode()) > MAX_ITEM:
        raise TooLarge(section)
    return ItemTold(section, key, json.loads(text), text, revision, at)


_STATES = frozenset({inventory.PRESENT, inventory.GONE})


def _state(event: Mapping[str, Any], section: str, revision: int, at: int) -> StateTold | None:
    count, digest = event.get(inventory.COUNT_FIELD), event.get(inventory.DIGEST_FIELD)
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest) or _revision(count) is None:
        return None
    assert isinstance(count, int)
    problem = event.get(inventory.PROBLEM_FIELD) or ""
    if not isinstance(problem, str) or (problem and not _NAME.fullmatch(problem)):
        return None
    return StateTold(section, revision, count, digest, at, problem)


def _finding(event: Mapping[str, Any], at: int) -> FindingTold | None:
    name, result, reason = event.get("posture.check"), event.get("posture.result"), event.get("posture.reason") or ""
    revision = _revision(event.get("posture.revision"))
    if not isinstance(name, str) or not _NAME.fullmatch(name) or result not in RESULTS or revision is None:
        return None
    if not isinstance(reason, str) or (reason and not _NAME.fullmatch(reason)):
        return None
    value = event.get("posture.value", "")
    shown = value if isinstance(value, str) else str(value)
    return FindingTold(name, str(result), reason, shown.encode("utf-8", "replace").decode()[:MAX_VALUE], revision, at)


def _revision(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_REVISION:
        return None
    return value

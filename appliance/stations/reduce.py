"""What becomes of a station's items, sections and findings when something is told of them. Pure.

What is told twice changes nothing, and what is told late does not undo what is newer: each item and each finding is
ordered by its revision, then by its own time. Only a section's state that is newer by its time and older by its
revision is believed: the agent has lost its memory and counts from the start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from appliance.stations.told import FindingTold, ItemTold, StateTold


@dataclass(frozen=True, slots=True)
class Item:
    """An item as the box keeps it; times in microseconds."""

    fields: Mapping[str, Any]
    text: str
    first_seen: int
    changed_at: int
    gone_at: int | None
    revision: int
    at: int


@dataclass(frozen=True, slots=True)
class Change:
    """What changed: `new`, `changed` or `gone`, with what differs."""

    what: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


def item_after(item: Item | None, told: ItemTold) -> tuple[Item, Change | None] | None:
    """Return an item after what was told of it, and what changed; None when that is not news."""
    if item is not None and (told.revision, told.at) <= (item.revision, item.at):
        return None
    if told.fields is None:
        return _gone(item, told)
    if item is None:
        made = Item(told.fields, told.text, told.at, told.at, None, told.revision, told.at)
        return made, Change("new", None, told.fields)
    now = replace(item, fields=told.fields, text=told.text, gone_at=None, revision=told.revision, at=told.at)
    if item.gone_at is not None:
        return replace(now, changed_at=told.at), Change("new", None, told.fields)
    if item.text == told.text:
        return now, None
    before, after = differing(item.fields, told.fields)
    return replace(now, changed_at=told.at), Change("changed", before, after)


def _gone(item: Item | None, told: ItemTold) -> tuple[Item, Change | None]:
    if item is None:
        # What was told before it may still arrive, and must find that it is over.
        return Item({}, "{}", told.at, told.at, told.at, told.revision, told.at), None
    now = replace(item, revision=told.revision, at=told.at)
    if item.gone_at is not None:
        return now, None
    return replace(now, gone_at=told.at, changed_at=told.at), Change("gone", item.fields, None)


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields of either side that the other has not, or has otherwise."""
    names = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    return (
        {name: value for name, value in before.items() if name in names},
        {name: value for name, value in after.items() if name in names},
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding as the box keeps it."""

    result: str
    reason: str
    value: str
    since: int
    seen_at: int
    revision: int


def finding_after(finding: Finding | None, told: FindingTold) -> tuple[Finding, Change | None] | None:
    """Return a finding after what was told, and what changed; None when that is not news."""
    made = Finding(told.result, told.reason, told.value, told.at, told.at, told.revision)
    if finding is None:
        return made, Change("new", None, _shown(made))
    # A finding is told whole each time: an agent that counts from the start is believed by its clock.
    if (told.at, told.revision) <= (finding.seen_at, finding.revision):
        return None
    if (told.result, told.reason) == (finding.result, finding.reason):
        return replace(made, since=finding.since), None
    return made, Change("changed", _shown(finding), _shown(made))


def _shown(finding: Finding) -> dict[str, Any]:
    return {"result": finding.result, "reason": finding.reason, "value": finding.value}


@dataclass(frozen=True, slots=True)
class Section:
    """Where a section stands, by its agent's last word."""

    revision: int
    at: int


NEWER, RESTARTED, STALE = "newer", "restarted", "stale"


def state_kind(section: Section | None, told: StateTold) -> str:
    """Tell whether a section's state is the newest, of an agent that counts anew, or late."""
    if section is None or (told.revision >= section.revision and told.at >= section.at):
        return NEWER
    if told.revision < section.revision:
        return RESTARTED if told.at > section.at else STALE
    # A higher revision with an earlier time: the clock was set back.
    return NEWER if told.revision > section.revision else STALE

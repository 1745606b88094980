"""One station: its timeline out of many sources, and its inventory as rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appliance.clock import SECOND
from appliance.language.dates import day, moment
from appliance.ops.losses import LossRow
from appliance.search import labels
from appliance.state.stations import StationChange, StationItem, StationWeakness
from appliance.web.pages.render import catalogue
from appliance.web.pages.views import posture
from appliance.web.pages.views.alerts import AlertRow

SHOWN = 60
"""Entries of the timeline."""
_CUT = 160
"""Characters of one value in a line."""
_NAMES = ("package.name", "inventory.name", "service.name", "user.name", "group.name", "device.model.name", "os.full")
"""What an item is called by; the first that it has, else its key."""
_VERSIONS = ("package.version", "inventory.version", "os.version")
_ENDS = "x509.not_after"
"""In seconds since the epoch, as certificates count."""
_LAST = 253_402_300_800
"""The first second of the year 10000."""
_BATCH = 20
"""Changes of one round of a section that are told one by one; more become one line."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline: what happened, by the catalogue's key, and what fills it. Time in microseconds."""

    at: int
    kind: str
    """`alert`, `gap`, `own`, `item`, `posture` or `weakness`."""
    key: str
    values: Mapping[str, object]
    detail: str = ""
    href: str = ""
    level: int = 0


def timeline(parts: Iterable[Sequence[Entry]]) -> list[Entry]:
    """Return the newest entries of all sources, newest first."""
    return sorted((entry for part in parts for entry in part), key=lambda one: (-one.at, one.kind))[:SHOWN]


def of_alerts(alerts: Iterable[AlertRow]) -> list[Entry]:
    """Return alerts as entries, at the time of their first event."""
    return [
        Entry(
            one.first_event_at, "alert", "station.line.alert", {"title": one.title}, "", f"/alerty/{one.id}", one.level
        )
        for one in alerts
    ]


def of_losses(rows: Iterable[LossRow]) -> list[Entry]:
    """Return hours with losses as entries; `detail` is the cause as it was told."""
    return [
        Entry(row.hour, "gap", "station.line.lost" if row.count else "station.line.gap", {"n": row.count}, row.cause)
        for row in rows
    ]


def of_own(events: Iterable[Mapping[str, Any]]) -> list[Entry]:
    """Return the agent's starts and stops as entries."""
    entries = []
    for event in events:
        action = str(event.get("event.action"))
        if action in {"agent_started", "agent_stopping"}:
            version = str(event.get("agent.version") or "")[:32]
            key = f"station.line.{action}{'_version' if version and action == 'agent_started' else ''}"
            entries.append(Entry(int(event["@timestamp"]), "own", key, {"version": version}))
    return entries


def of_weaknesses(rows: Iterable[StationWeakness]) -> list[Entry]:
    """Return what became known, and what was mended."""
    entries = []
    for row in rows:
        values = {"name": row.name, "product": row.product}
        entries.append(Entry(row.since, "weakness", "station.line.weak", values, row.version))
        if row.gone_at is not None:
            entries.append(Entry(row.gone_at, "weakness", "station.line.mended", values))
    return entries


def of_changes(rows: Sequence[StationChange], lang: str) -> list[Entry]:
    """Return changes as entries; many of one moment and section become one line."""
    groups: dict[tuple[str, str, int], list[StationChange]] = {}
    for row in rows:
        # Items of one round are told within seconds of each other.
        groups.setdefault((row.section, row.what, row.at // 60_000_000), []).append(row)
    entries = []
    for (section, what, _), some in groups.items():
        if section != "posture" and len(some) > _BATCH:
            values = {"section": section_name(section, lang), "n": len(some)}
            entries.append(Entry(some[0].at, "item", f"station.line.many_{what}", values))
        else:
            entries += [_of_change(row, lang) for row in some]
    return entries


def _of_change(row: StationChange, lang: str) -> Entry:
    if row.section == "posture":
        after = row.after or {}
        result = str(after.get("result", "unknown"))
        values: dict[str, object] = {"title": posture.title(row.key, lang)}
        return Entry(row.at, "posture", f"station.line.posture_{result}", values, str(after.get("value", ""))[:_CUT])
    values = {"section": section_name(row.section, lang), "name": name_of(row.key, row.after or row.before or {})}
    return Entry(row.at, "item", f"station.line.{row.what}", values, difference(row, lang))


def difference(row: StationChange, lang: str) -> str:
    """Return what a change says of fields: „wersja: 5.2 → 5.3”."""
    before, after = row.before or {}, row.after or {}
    if row.what != "changed":
        fields = after or before
        return next((text_of(fields[name]) for name in _VERSIONS if name in fields), "")
    return "; ".join(
        f"{label(name, lang)}: {text_of(before.get(name, '–'))} → {text_of(after.get(name, '–'))}"
        for name in sorted({*before, *after})[:6]
    )


def section_name(section: str, lang: str) -> str:
    """Return what a section is called."""
    return catalogue().text(f"station.section.{section}", lang)


def label(name: str, lang: str) -> str:
    """Return what a field of an item is called; its own name where there is no text."""
    key = f"station.field.{name}"
    return catalogue().text(key, lang) if key in catalogue() else labels(lang).get(name, name)


def name_of(key: str, fields: Mapping[str, Any]) -> str:
    """Return what people call an item."""
    return next((text_of(fields[name]) for name in _NAMES if fields.get(name)), key)[:_CUT]


def text_of(value: object) -> str:
    """Return a field's value as text, bounded."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= _CUT else text[: _CUT - 1] + "…"


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One line of the inventory."""

    name: str
    key: str
    facts: tuple[tuple[str, str], ...]
    """Label and value of its fields."""
    first_seen: int
    changed_at: int


def item_row(row: StationItem, lang: str) -> ItemRow:
    """Return an item as a line."""
    name = name_of(row.key, row.fields)
    facts = tuple(
        (label(field, lang), _fact(field, value, lang)) for field, value in row.fields.items() if text_of(value) != name
    )
    return ItemRow(name, row.key, facts, row.first_seen, row.changed_at)


def _fact(field: str, value: object, lang: str) -> str:
    if field == _ENDS and isinstance(value, int) and 0 <= value < _LAST:
        return day(value * SECOND, lang)
    if isinstance(value, bool):
        return catalogue().text("station.yes" if value else "station.no", lang)
    # Whole microseconds of our century: a moment.
    if isinstance(value, int) and 10**15 < value < 5 * 10**15:
        return moment(value, lang)
    return text_of(value)

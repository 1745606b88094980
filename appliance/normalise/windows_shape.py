"""Flat Windows records, fast: what happens to each place of a record is worked out once per list of field names.

Agents and exports repeat the same names in the same order, so the moves are kept, bounded, by channel, id and names.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from appliance.normalise.common import text_of
from appliance.normalise.model import Event, Raw
from appliance.normalise.schema import windows
from appliance.normalise.windows_plan import Plan, plan_for

MAX_NAMES = 128
"""Longer records take the general way."""
TIMES = ("TimeCreated_SystemTime", "SystemTime", "TimeCreated", "@timestamp", "UtcTime", "EventTime")
CONTROL = frozenset(
    {"event.module", "event.id", "event.created", "event.ingested", "host.name", "@timestamp", "agent.id", "message"}
)
"""Names of the wire in a flat record, which are no fields of Windows."""
_DROP = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """The event key of each place, and the fields that need more than a move."""

    plan: Plan
    keys: tuple[str, ...]
    special: tuple[tuple[str, str], ...]
    time: str | None


@lru_cache(maxsize=512)
def _shape(channel: str, code: int, names: tuple[str, ...]) -> Shape | None:
    """Return the shape, None when two names would go to one key: the general way decides then."""
    table, plan = windows(), plan_for(channel, code)
    time = next((name for name in TIMES if name in names), None)
    keys: list[str] = []
    special: list[tuple[str, str]] = []
    for name in names:
        key = table.system.get(table.system_aliases.get(name, name))
        if name in CONTROL or (name in TIMES and name != "UtcTime") or key in ("event.code", "winlog.channel"):
            keys.append(_DROP)
        elif key is not None:
            keys.append(key)
        elif name in plan.special:
            keys.append(_DROP)
            special.append((name, plan.key(name)))
        else:
            keys.append(plan.key(name))
    used = [key for key in keys if key != _DROP] + [key for _, key in special]
    return Shape(plan, tuple(keys), tuple(special), time) if len(set(used)) == len(used) else None


def move(record: Raw, channel: str, code: int) -> tuple[Event, object] | None:
    """Return (event without identity, the source's time) of a flat record of scalars; None for any other record."""
    if len(record) > MAX_NAMES:
        return None
    shape = _shape(channel, code, tuple(record))
    if shape is None:
        return None
    event: dict[str, Any] = dict(zip(shape.keys, record.values(), strict=True))
    event.pop(_DROP, None)
    odd = [key for key, value in event.items() if type(value) is not str]
    for key in odd:
        value = event.pop(key)
        text = text_of(value)
        if text is not None:
            event[key] = text
        elif value is not None:
            return None
    for name, key in shape.special:
        value = record[name]
        if isinstance(value, list | dict):
            return None
        text = text_of(value)
        if text is not None:
            converted, place = shape.plan.special[name](text, key)
            event[place] = converted
    message = record.get("message")
    if isinstance(message, str) and message:
        event["message"] = message
    shape.plan.finish_system(event)
    shape.plan.derive(event)
    return event, record[shape.time] if shape.time else None

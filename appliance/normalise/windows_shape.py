"""Windows records of text fields, fast: where each place of a record goes is worked out once per list of names.

Agents and exports repeat the same names in the same order, so the moves are kept, bounded, by class and names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from appliance.normalise.common import text_of
from appliance.normalise.fields import native_key
from appliance.normalise.model import Event, Raw
from appliance.normalise.schema import windows
from appliance.normalise.windows_plan import Convert, Plan, number_record

MAX_NAMES = 128
"""Longer records take the general way."""
MAX_SHAPES = 64
"""Lists of names that one class keeps."""
TIMES = ("TimeCreated_SystemTime", "SystemTime", "TimeCreated", "@timestamp", "UtcTime", "EventTime")
CONTROL = frozenset(
    {"event.module", "event.id", "event.created", "event.ingested", "host.name", "@timestamp", "agent.id", "message"}
)
"""Names of the wire in a flat record, which are no fields of Windows."""
_DROP = ""
_TAKEN = ("event.code", "winlog.channel")
"""Read apart from the other fields."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The event key of each place, what every such event holds, and the fields that need more than a move."""

    plan: Plan
    keys: tuple[str, ...]
    special: tuple[tuple[str, str, Convert], ...]
    """Key, native key, conversion."""
    system: tuple[str, ...]
    """Keys of System attributes, which are left out when empty."""


def move_flat(record: Raw, plan: Plan) -> Event | None:
    """Return the event of a flat record of scalars; None for any other record."""
    if len(record) > MAX_NAMES:
        return None
    shape = _kept(plan, tuple(record), None)
    return _fill(shape, record.values()) if shape else None


def move_native(system: dict[str, str], names: tuple[str, ...], values: Sequence[str], plan: Plan) -> Event | None:
    """Return the event of System attributes and named data; None when the general way must decide."""
    if len(names) > MAX_NAMES:
        return None
    shape = _kept(plan, names, tuple(system))
    return _fill(shape, [*system.values(), *values]) if shape else None


def _kept(plan: Plan, names: tuple[str, ...], system: tuple[str, ...] | None) -> Shape | None:
    shapes, key = plan.shapes, (names, system)
    if key in shapes:
        return shapes[key]  # type: ignore[no-any-return]
    shape = _build(plan, _flat_keys(plan, names) if system is None else _native_keys(plan, system, names))
    if len(shapes) >= MAX_SHAPES:
        shapes.clear()
    shapes[key] = shape
    return shape


def _flat_keys(plan: Plan, names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return (name, key) of each place; a System attribute has no name."""
    table = windows()
    places: list[tuple[str, str]] = []
    for name in names:
        key = table.system.get(table.system_aliases.get(name, name))
        if name in CONTROL or (name in TIMES and name != "UtcTime") or key in _TAKEN:
            places.append(("", _DROP))
        else:
            places.append(("", key) if key else (name, plan.key(name)))
    return places


def _native_keys(plan: Plan, system: tuple[str, ...], names: tuple[str, ...]) -> list[tuple[str, str]]:
    known = dict(plan.system)
    return [("", known.get(name, _DROP)) for name in system] + [(name, plan.key(name)) for name in names]


def _build(plan: Plan, places: list[tuple[str, str]]) -> Shape | None:
    """Return the shape, None when two fields would go to one key: the general way decides then."""
    special = tuple((key, native_key(name), convert) for name, key in places if (convert := plan.convert(name)))
    used = [key for _, key in places if key != _DROP] + [native for _, native, _ in special]
    if len(set(used)) != len(used):
        return None
    system = tuple(key for name, key in places if not name and key != _DROP)
    return Shape(plan, tuple(key for _, key in places), special, system)


def _fill(shape: Shape, values: Iterable[Any]) -> Event | None:
    """Return the event without identity, None when a value is no scalar."""
    event = shape.plan.constants.copy()
    for key, value in zip(shape.keys, values):  # noqa: B905 - as many by construction; `strict` costs time
        if type(value) is str:
            event[key] = value
        elif value is not None:
            text = text_of(value)
            if text is None:
                return None
            event[key] = text
    event.pop(_DROP, None)
    for key in shape.system:
        if event.get(key) == "":
            del event[key]
    number_record(event)
    for key, native, convert in shape.special:
        if key in event:
            text = event.pop(key)
            fitted = convert(text)  # type: ignore[arg-type]
            if fitted is None:
                event[native] = text
            else:
                event[key] = fitted
    shape.plan.derive(event)
    return event

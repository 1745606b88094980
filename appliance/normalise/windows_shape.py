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
from appliance.normalise.windows_plan import RECORD_ID, Addition, Convert, Plan, number_record

MAX_NAMES = 128
"""Longer records take the general way."""
MAX_SHAPES = 64
"""Lists of names that one class keeps."""
TIMES = ("TimeCreated_SystemTime", "SystemTime", "TimeCreated", "@timestamp", "UtcTime", "EventTime")
CONTROL = frozenset(
    {"event.module", "event.id", "event.created", "event.ingested", "host.name", "@timestamp", "agent.id", "message"}
)
"""Names of the wire in a flat record, which are no fields of Windows."""
_LONGEST = 10**18
"""Record numbers from here on stay text, as `number_record` leaves them."""
DROP = ""
"""The key of values that are no part of the event."""
_UNSEEN: Any = object()
_TAKEN = ("event.code", "winlog.channel")
"""Read apart from the other fields."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The event key of each place, what every such event holds, and the fields that need more than a move."""

    plan: Plan
    keys: tuple[str, ...]
    template: Event
    """The constants and every key, with room to spare, so that its copies need not grow as they are filled."""
    special: tuple[tuple[str, str, Convert], ...]
    """Key, native key, conversion."""
    system: tuple[str, ...]
    """Keys of System attributes, which are left out when empty."""
    additions: tuple[Addition, ...]
    """What the plan adds to events with these keys, beside names."""


def move_flat(record: Raw, plan: Plan) -> Event | None:
    """Return the event of a flat record of scalars; None for any other record."""
    if len(record) > MAX_NAMES:
        return None
    shape = flat_shape(plan, tuple(record))
    return _fill(shape, record.values()) if shape else None


def flat_shape(plan: Plan, names: tuple[str, ...]) -> Shape | None:
    """Return where the values of a flat record of these names go; None when the general way must decide."""
    shape = plan.shapes.get(names, _UNSEEN)
    return _learn(plan, names, _flat_keys(plan, names)) if shape is _UNSEEN else shape


def move_native(system: dict[str, str], names: tuple[str, ...], values: Sequence[str], plan: Plan) -> Event | None:
    """Return the event of System attributes and named data; None when the general way must decide."""
    if len(names) > MAX_NAMES:
        return None
    key = (names, tuple(system))
    shape = plan.shapes.get(key, _UNSEEN)
    if shape is _UNSEEN:
        shape = _learn(plan, key, _native_keys(plan, *key))
    return _fill(shape, [*system.values(), *values]) if shape else None


def _learn(plan: Plan, key: object, places: list[tuple[str, str]]) -> Shape | None:
    """Return the shape of places, and keep it while there is room."""
    if len(plan.shapes) >= MAX_SHAPES:
        plan.shapes.clear()
    shape = plan.shapes[key] = _build(plan, places)
    return shape


def _flat_keys(plan: Plan, names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return (name, key) of each place; a System attribute has no name."""
    table = windows()
    places: list[tuple[str, str]] = []
    for name in names:
        key = table.system.get(table.system_aliases.get(name, name))
        if name in CONTROL or (name in TIMES and name != "UtcTime") or key in _TAKEN:
            places.append(("", DROP))
        else:
            places.append(("", key) if key else (name, plan.key(name)))
    return places


def _native_keys(plan: Plan, names: tuple[str, ...], system: tuple[str, ...]) -> list[tuple[str, str]]:
    known = dict(plan.system)
    return [("", known.get(name, DROP)) for name in system] + [(name, plan.key(name)) for name in names]


def _build(plan: Plan, places: list[tuple[str, str]]) -> Shape | None:
    """Return the shape, None when two fields would go to one key or one has no name: the general way decides then."""
    special = tuple((key, native_key(name), convert) for name, key in places if (convert := plan.convert(name)))
    used = [key for _, key in places if key != DROP] + [native for _, native, _ in special]
    if len(set(used)) != len(used) or native_key("") in used:
        return None
    system = tuple(key for name, key in places if not name and key != DROP)
    keys = tuple(key for _, key in places)
    # A value that does not fit its key goes to its native one.
    present = {*keys, *plan.constants, *(native for _, native, _ in special)}
    return Shape(plan, keys, _template(plan, keys), special, system, tuple(plan.additions(present)))


def _template(plan: Plan, keys: tuple[str, ...]) -> Event:
    template: Event = {**dict.fromkeys((*keys, DROP), ""), **plan.constants}
    return roomy(template, len(template) // 2)


def roomy(template: Event, room: int) -> Event:
    """Return an event whose copies can be given `room` more keys before they grow."""
    spare = [f" {number}" for number in range(room)]
    template.update(dict.fromkeys(spare, ""))
    for key in spare:
        del template[key]
    return template


def _fill(shape: Shape, values: Iterable[Any]) -> Event | None:
    """Return the event without identity, None when a value is no scalar."""
    event = shape.template.copy()
    for key, value in zip(shape.keys, values):  # noqa: B905 - as many by construction; `strict` costs time
        if type(value) is str:
            event[key] = value
        elif type(value) is int:
            event[key] = value if key == RECORD_ID and 0 <= value < _LONGEST else str(value)
        elif not _put_odd(event, key, value):
            return None
    del event[DROP]
    for key in shape.system:
        if event.get(key) == "":
            del event[key]
    number_record(event)
    _convert(shape, event)
    shape.plan.add_names(event)
    for addition in shape.additions:
        addition.add(event)
    return event


def _convert(shape: Shape, event: Event) -> None:
    """Make values fit their keys; what does not fit goes to its native key."""
    for key, native, convert in shape.special:
        text = event.get(key)
        if text is not None:
            fitted = convert(text)  # type: ignore[arg-type]
            if fitted is None:
                del event[key]
                event[native] = text
            else:
                event[key] = fitted


def _put_odd(event: Event, key: str, value: Any) -> bool:
    """Put a value that is no text, null left out; False for a structure."""
    text = text_of(value)
    if text is not None:
        event[key] = text
    elif value is not None:
        return False
    elif key != DROP:
        del event[key]
    return True

"""Which classes of events arrive and which fields they have, counted as cheaply as can be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from appliance.detect.routes import EventClass, event_class
from appliance.detect.values import Event, Value

MAX_SHAPES = 8192
"""Lists of names that are told apart between two writes; events of further ones are not counted."""
MAX_CLASSES = 2048
MAX_FIELDS = 1000
"""Field names that are kept of one class."""
MAX_TEXT = 255
"""Characters of a module, channel, category or field name; longer ones are left out."""
_Shape = tuple[Value | None, Value | None, Value | None, Value | None, tuple[str, ...]]


@dataclass(slots=True)
class Sighting:
    """What one class of events had: how many there were, and the names of their fields."""

    events: int = 0
    fields: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Presence:
    """Counts events by the list of their names. `take` costs one tuple and one look-up an event."""

    _shapes: dict[_Shape, int] = field(default_factory=dict)
    _told: dict[_Shape, int] = field(default_factory=dict)
    """Shapes whose fields were handed out, and on which day."""

    def take(self, events: Iterable[Event]) -> None:
        """Count events."""
        shapes = self._shapes
        for event in events:
            get = event.get
            shape = (
                get("event.module"),
                get("winlog.channel"),
                get("event.code"),
                get("event.category"),
                tuple(event),
            )
            if shape in shapes:
                shapes[shape] += 1
            elif len(shapes) < MAX_SHAPES:
                shapes[shape] = 1

    def seen(self, day: int) -> Mapping[EventClass, Sighting]:
        """Return what was counted since `clear`; fields that were already handed out on this day are left out."""
        found: dict[EventClass, Sighting] = {}
        for shape, count in self._shapes.items():
            kind = _class(shape)
            if kind is None:
                continue
            sighting = found.get(kind)
            if sighting is None:
                if len(found) >= MAX_CLASSES:
                    continue
                sighting = found[kind] = Sighting()
            sighting.events += count
            if self._told.get(shape) != day and len(sighting.fields) < MAX_FIELDS:
                sighting.fields.update(name for name in shape[4] if len(name) <= MAX_TEXT)
        return found

    def clear(self, day: int) -> None:
        """Forget the counts; what `seen` returned has been kept."""
        if len(self._told) > MAX_SHAPES:
            self._told.clear()
        self._told.update(dict.fromkeys(self._shapes, day))
        self._shapes.clear()


def _class(shape: _Shape) -> EventClass | None:
    names = ("event.module", "winlog.channel", "event.code", "event.category")
    kind = event_class({name: value for name, value in zip(names, shape, strict=False) if value is not None})
    texts = (kind.module, kind.channel or "", kind.category or "")
    return kind if all(len(text) <= MAX_TEXT for text in texts) else None

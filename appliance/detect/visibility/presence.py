"""Which classes of events arrive and which fields they have, counted as cheaply as can be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from appliance.detect.routes import EventClass, event_class
from appliance.detect.values import Event, Value

MAX_CLASSES = 2048
MAX_FIELDS = 1000
"""Field names that are kept of one class."""
MAX_TEXT = 255
"""Characters of a module, channel, category or field name; longer ones are left out."""
_WAY = ("event.module", "winlog.channel", "event.code", "event.category")
_way = itemgetter(*_WAY)
_Way = tuple[Value | None, ...]


@dataclass(slots=True)
class Sighting:
    """What one class of events had: how many there were, and the names of their fields."""

    events: int = 0
    fields: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Group:
    """Events of one class: the fields that the class goes by, where its events stand, and the names of all fields."""

    way: _Way
    places: Sequence[int]
    fields: frozenset[str]


def grouped(events: Sequence[Event]) -> list[Group]:
    """Sort events by class. It costs about a microsecond an event."""
    try:
        ways: list[_Way] = list(map(_way, events))
    except KeyError:
        ways = [tuple(map(event.get, _WAY)) for event in events]
    places: dict[_Way, list[int]] = defaultdict(list)
    for place, way in enumerate(ways):
        places[way].append(place)
    # One call for a group: the names' hashes are known, and no list of names is made.
    return [Group(way, own, frozenset().union(*map(events.__getitem__, own))) for way, own in places.items()]


@dataclass(slots=True)
class Presence:
    """Counts events and collects their fields' names, by class."""

    _seen: dict[_Way, Sighting] = field(default_factory=dict)
    _told: dict[EventClass, set[str]] = field(default_factory=dict)
    """Fields that were handed out on `_day`."""
    _day: int | None = None

    def take(self, groups: Iterable[Group], counts: Sequence[bool] | None = None) -> None:
        """Count events; `counts` tells by place which of them count, else all do."""
        for group in groups:
            events = len(group.places) if counts is None else sum(map(counts.__getitem__, group.places))
            sighting = self._seen.get(group.way)
            if sighting is None:
                if not events or len(self._seen) >= MAX_CLASSES:
                    continue
                sighting = self._seen[group.way] = Sighting()
            sighting.events += events
            sighting.fields |= group.fields

    def seen(self, day: int) -> Mapping[EventClass, Sighting]:
        """Return what was counted since `clear`, without the fields that were already handed out on this day."""
        found: dict[EventClass, Sighting] = {}
        for way, sighting in self._seen.items():
            for kind in _classes(way):
                one = found.setdefault(kind, Sighting())
                told = self._told.get(kind, set()) if day == self._day else set()
                one.events += sighting.events
                one.fields.update(name for name in sighting.fields - told if len(name) <= MAX_TEXT)
        return found

    def clear(self, day: int) -> None:
        """Forget the counts; what `seen` returned has been kept."""
        if day != self._day or len(self._told) >= MAX_CLASSES:
            self._told.clear()
            self._day = day
        for way, sighting in self._seen.items():
            for kind in _classes(way):
                told = self._told.setdefault(kind, set())
                if len(told) < MAX_FIELDS:
                    told |= sighting.fields
        self._seen.clear()


def _classes(way: _Way) -> list[EventClass]:
    """The classes of events, one for each of their categories; none with names that are too long to keep."""
    whole = event_class({name: value for name, value in zip(_WAY, way, strict=True) if value is not None})
    return [
        kind
        for kind in whole.apart()
        if all(len(text or "") <= MAX_TEXT for text in (kind.module, kind.channel, kind.category))
    ]

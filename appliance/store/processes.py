"""Who started whom: processes are joined by host and Sysmon's GUIDs, or else by number and the nearest start before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from appliance.clock import DAY
from appliance.normalise.model import Event
from appliance.search import Field, Kind, Node, matches
from appliance.search.nodes import And, Exact, Exists, Leaf, Or

if TYPE_CHECKING:
    from appliance.store.model import Page, Store

    Search = Callable[..., Page]

MAX_DEPTH = 50
REACH = 30 * DAY
"""Microseconds back in which a process number may have started."""
CHILDREN_REACH = DAY
NEAR = 200
"""Newest starts of a host that are read at once: most ancestors are among them, and each other one costs a question."""
STEPS = 3
"""Generations from which on that pays."""
START = Or(
    (
        Leaf((Field("process.parent.pid", Kind.LONG),), Exists()),
        Leaf((Field("process.parent.entity_id", Kind.KEYWORD),), Exists()),
    )
)
"""Only the start of a process tells of its parent."""


@runtime_checkable
class Sparing(Protocol):
    """What a store may be able to do beside: find events without reading all their fields."""

    def sparing(
        self, query: Node, start: int, end: int, limit: int, after: str | None = None, *, descending: bool = True
    ) -> Page:
        """Return events as `search` does, that may lack all fields but id, time and those by which processes join."""

    def whole(self, events: Sequence[Event]) -> list[Event]:
        """Return found events with all their fields, in the same order; one that is gone by now as it is."""


def finder(store: Store) -> Search:
    """Return what finds the starts of processes in a store at least cost."""
    return store.sparing if isinstance(store, Sparing) else store.search


def whole(store: Store, events: Sequence[Event]) -> list[Event]:
    """Return events that `finder` has found with all their fields."""
    return store.whole(events) if isinstance(store, Sparing) else list(events)


def is_start(event: Mapping[str, object]) -> bool:
    """Whether an event is the start of a process: what `START` asks for."""
    return "process.parent.pid" in event or "process.parent.entity_id" in event


def chain(store: Store, event: Event, depth: int) -> list[Event]:
    """Return the process starts above an event, nearest first; for an event within a process, its start is the first.

    Ends where the store knows no more, at a repetition, or at `depth`.
    """
    return whole(store, line(store, event, depth))


def line(store: Store, event: Event, depth: int) -> list[Event]:
    """Return what `chain` does, as `finder` finds it."""
    found: list[Event] = []
    seen = {event["event.id"]}
    current = event
    near = _near(store, event) if depth >= STEPS else []
    while len(found) < min(depth, MAX_DEPTH):
        above = _among(near, current) or _above(store, current)
        if above is None or above["event.id"] in seen:
            break
        seen.add(above["event.id"])
        found.append(above)
        current = above
    return found


def children(store: Store, event: Event, limit: int) -> list[Event]:
    """Return the process starts right below the process of an event, by time, within a day of it."""
    link = _link(event, "process.", "process.parent.")
    moment = _time(event)
    if link is None:
        return []
    return store.search(link, moment, moment + CHILDREN_REACH, limit, descending=False).events


def _near(store: Store, event: Event) -> list[Event]:
    """Return the last starts of an event's host until its time, newest first."""
    moment, host = _time(event), _host(event)
    return [] if host is None else finder(store)(And((host, START)), moment - REACH, moment + 1, NEAR).events


def _among(near: Sequence[Event], event: Event) -> Event | None:
    """Return the start that is right above an event, when it is one of these; what `_above` finds, sooner."""
    link, moment = _link(event, _above_by(event), "process."), _time(event)
    if link is None:
        return None
    before = (one for one in near if _time(one) <= moment and one["event.id"] != event["event.id"])
    return next((one for one in before if matches(link, one)), None)


def _above_by(event: Event) -> str:
    return "process.parent." if is_start(event) else "process."


def _time(event: Event) -> int:
    moment = event["@timestamp"]
    assert isinstance(moment, int)
    return moment


def _above(store: Store, event: Event) -> Event | None:
    link = _link(event, _above_by(event), "process.")
    moment = _time(event)
    if link is None:
        return None
    found = finder(store)(And((link, START)), moment - REACH, moment + 1, 2).events
    return next((one for one in found if one["event.id"] != event["event.id"]), None)


def _host(event: Event) -> Node | None:
    host = event.get("host.name")
    return Leaf((Field("host.name", Kind.KEYWORD),), Exact(host)) if isinstance(host, str) else None


def _link(event: Event, have: str, want: str) -> Node | None:
    host = _host(event)
    if host is None:
        return None
    for name, kind in (("entity_id", Kind.KEYWORD), ("pid", Kind.LONG)):
        value = event.get(have + name)
        if isinstance(value, (str, int)) and not isinstance(value, bool):
            same = Leaf((Field(want + name, kind),), Exact(value))
            return And((host, same))
    return None

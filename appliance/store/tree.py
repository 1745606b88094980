"""The tree of processes around an event: its ancestors in one line, its descendants level by level.

A process belongs to the start that it names: by Sysmon's GUID, or else by number to the nearest start before it on the
same host, since numbers are used again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from appliance.clock import DAY
from appliance.normalise.model import Event
from appliance.search import Field, Kind, Node
from appliance.search.nodes import And, Exact, Leaf, Or
from appliance.store.model import ProcessNode, ProcessTree
from appliance.store.processes import MAX_DEPTH, START, finder, is_start, line, whole

if TYPE_CHECKING:
    from appliance.store.model import Store

MAX_NODES = 500
MAX_ASKED = 100
"""Processes whose children one question asks for."""
_PAGE = 1000
_FIRST, _MORE = 4, 8
"""Starts a process that are asked for first, and how many times more then."""
_NAMES = (("entity_id", Kind.KEYWORD), ("pid", Kind.LONG))
Link = tuple[str, str | int]
"""By what a process is named: entity_id or pid, and its value."""


def tree(store: Store, event: Event, up: int, down: int, limit: int, *, reach: int = DAY) -> ProcessTree:
    """Return the process of an event, at most `up` generations above it and `down` below, `limit` (500) nodes in all.

    Children are sought from the start of the oldest of a generation until `reach` microseconds after its youngest.
    `complete` is False when a bound cut something off. A root event that is no start stands below its process.
    """
    limit, down = max(1, min(limit, MAX_NODES)), min(down, MAX_DEPTH)
    up = min(up, limit - 1, MAX_DEPTH)
    above = list(reversed(line(store, event, up)))
    grown = _Tree(limit, complete=len(above) < up or up == 0)
    parent: str | None = None
    for one in [*above, event]:
        grown.add(one, parent)
        parent = str(one["event.id"])
    generation = [event if is_start(event) or not above else above[-1]]
    for depth in range(down + 1):
        following = _children(store, generation, grown, reach)
        if not following or depth == down:
            grown.complete = grown.complete and not following
            break
        generation = [child for child, parent in following if grown.add(child, parent)]
    events = whole(store, [node.event for node in grown.nodes])
    nodes = [ProcessNode(one, node.parent) for one, node in zip(events, grown.nodes, strict=True)]
    return ProcessTree(nodes, grown.complete)


@dataclass(slots=True)
class _Tree:
    limit: int
    complete: bool
    nodes: list[ProcessNode] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)

    def add(self, event: Event, parent: str | None) -> bool:
        if len(self.nodes) >= self.limit:
            self.complete = False
            return False
        self.ids.add(str(event["event.id"]))
        self.nodes.append(ProcessNode(event, parent))
        return True


def _children(store: Store, parents: list[Event], grown: _Tree, reach: int) -> list[tuple[Event, str]]:
    """Return the starts right below these processes, by time, each with the id of its parent's event."""
    found: list[tuple[Event, str]] = []
    for begin in range(0, len(parents), MAX_ASKED):
        part = parents[begin : begin + MAX_ASKED]
        asked = _question(part)
        if asked is None:
            continue
        starts, uncut = _starts(store, asked, part, reach)
        grown.complete = grown.complete and uncut
        found += _assigned(part, starts)
    fresh = [(child, parent) for child, parent in found if child["event.id"] not in grown.ids]
    fresh.sort(key=lambda pair: _place(pair[0]))
    return fresh


def _starts(store: Store, asked: Node, parents: Sequence[Event], reach: int) -> tuple[list[Event], bool]:
    """Return the starts that a question finds, by time, and whether a bound cut none off that could be a child.

    Mostly the first few tell: once the numbers of all parents are borne again, those after are no children of theirs.
    """
    times = [_time(one) for one in parents]
    start, end = min(times), max(times) + reach
    search = finder(store)
    found: list[Event] = []
    after: str | None = None
    size = _FIRST * len(parents)
    while True:
        page = search(asked, start, end, min(size, _PAGE - len(found)), after, descending=False)
        found += page.events
        size, after = size * _MORE, page.next
        if after is None or len(found) >= _PAGE or _over(parents, found):
            return [one for one in found if is_start(one)], after is None or len(found) < _PAGE


def _over(parents: Sequence[Event], starts: Sequence[Event]) -> bool:
    """Return whether each process is followed by a start that bears the same number; GUIDs are borne once."""
    last: dict[tuple[object, Link], tuple[int, str]] = {}
    for one in starts:
        own = _link(one, "process.")
        if own and is_start(one):
            last[one.get("host.name"), own] = _place(one)
    links = [(one.get("host.name"), _link(one, "process."), _place(one)) for one in parents]
    return all(link is None or last.get((host, link), place) > place for host, link, place in links)


def _question(parents: Iterable[Event]) -> Node | None:
    """Return what finds the children of processes, and other starts with their numbers, which end them."""
    hosts: dict[str, dict[Link, None]] = {}
    for one in parents:
        link, host = _link(one, "process."), one.get("host.name")
        if link and isinstance(host, str):
            hosts.setdefault(host, {})[link] = None
    kinds = dict(_NAMES)
    parts: list[Node] = []
    for host, links in hosts.items():
        wanted: list[Node] = []
        for name, value in links:
            wanted.append(Leaf((Field(f"process.parent.{name}", kinds[name]),), Exact(value)))
            if name == "pid":
                wanted.append(Leaf((Field("process.pid", kinds[name]),), Exact(value)))
        parts.append(And((Leaf((Field("host.name", Kind.KEYWORD),), Exact(host)), Or(tuple(wanted)))))
    return And((Or(tuple(parts)), START)) if parts else None


def _assigned(parents: list[Event], starts: list[Event]) -> list[tuple[Event, str]]:
    """Give each start its parent: the last process that bore the named number before it, if that is one of ours."""
    ours = {str(one["event.id"]) for one in parents}
    bearers: dict[tuple[object, Link], str] = {}
    found: list[tuple[Event, str]] = []
    known = {str(one["event.id"]): one for one in (*parents, *starts)}
    for one in sorted(known.values(), key=_place):
        named, own = _link(one, "process.parent."), _link(one, "process.")
        parent = bearers.get((one.get("host.name"), named)) if named else None
        if parent in ours and str(one["event.id"]) not in ours:
            found.append((one, str(parent)))
        if own and (is_start(one) or str(one["event.id"]) in ours):
            bearers[one.get("host.name"), own] = str(one["event.id"])
    return found


def _link(event: Event, prefix: str) -> Link | None:
    for name, _ in _NAMES:
        value = event.get(prefix + name)
        if isinstance(value, (str, int)) and not isinstance(value, bool):
            return name, value
    return None


def _place(event: Event) -> tuple[int, str]:
    return _time(event), str(event["event.id"])


def _time(event: Event) -> int:
    moment = event["@timestamp"]
    assert isinstance(moment, int)
    return moment

"""A tree of processes as people read it: who started what, when, with which command, and where alerts are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from appliance.store.model import ProcessTree
from appliance.store.processes import is_start
from appliance.web.pages.views.events import Event, Summary, get, program, short, summarise

SHORT = 160
"""Characters of a command that stand in the tree; more opens on demand."""
WHOLE = 4000
"""Characters that open in the tree; past these the event's own page has them."""
_OWN = ("process.executable", "process.name", "process.command_line")
_PARENT = ("process.parent.executable", "process.parent.name", "process.parent.command_line")


@dataclass(frozen=True, slots=True)
class Process:
    """One process. `id` is its event's; empty for one that only its child names. Times in microseconds."""

    id: str
    name: str
    pid: str
    user: str
    at: int
    command: str
    opened: str = ""
    """The command up to WHOLE; empty where `command` is all of it."""
    cut: bool = False
    """Even `opened` is not all."""
    after_us: int | None = None
    """Time since its parent."""
    above: str = ""
    """Name of its parent."""
    depth: int = 1
    hit: bool = False
    """The event in question."""
    level: int | None = None
    alert_id: int | None = None
    summary: Summary | None = None
    """What the event says, when it is something that a process did and not its start."""
    children: tuple[Process, ...] = ()


def has_process(event: Event) -> bool:
    """Return whether an event is of a process at all."""
    return bool(get(event, *_OWN))


def process_tree(tree: ProcessTree, event_id: str, alerted: Mapping[str, tuple[int, int]]) -> Process | None:
    """Return the top of a tree with everything below it; None where the event has no process.

    `alerted` gives (alert id, level) of events that raised alerts.
    """
    if not tree.nodes or not has_process(tree.nodes[0].event):
        return None
    made = _made(tree, event_id, alerted)
    below: dict[str, list[Process]] = {}
    top = made[0]
    # A node stands after its parent, so from the end every node meets its children finished.
    for node, one in zip(reversed(tree.nodes), reversed(made), strict=True):
        whole = replace(one, children=tuple(reversed(below.pop(one.id, []))))
        if node.parent is None:
            top = whole
        else:
            below.setdefault(node.parent, []).append(whole)
    return top if made[0].depth == 1 else replace(_parent(tree.nodes[0].event), children=(top,))


def _made(tree: ProcessTree, event_id: str, alerted: Mapping[str, tuple[int, int]]) -> list[Process]:
    first = tree.nodes[0].event
    named = get(first, *_PARENT) and is_start(first)
    known: dict[str, Process] = {}
    for node in tree.nodes:
        number = get(node.event, "event.id")
        one = _process(node.event)
        parent = known.get(node.parent or "")
        if parent is not None:
            one = replace(one, depth=parent.depth + 1, above=parent.name, after_us=one.at - parent.at)
        elif named:
            one = replace(one, depth=2, above=program(get(first, *_PARENT)))
        alert_id, level = alerted.get(number, (None, None))
        known[number] = replace(one, hit=number == event_id, alert_id=alert_id, level=level)
    return list(known.values())


def _process(event: Event) -> Process:
    path = get(event, *_OWN[:2])
    return _told(
        get(event, "process.command_line") or path,
        Process(
            id=get(event, "event.id"),
            name=program(path) or "?",
            pid=get(event, "process.pid"),
            user=get(event, "user.name", "winlog.event_data.User", "user.id"),
            at=int(event["@timestamp"]),
            command="",
            summary=None if is_start(event) else summarise(event),
        ),
    )


def _parent(event: Event) -> Process:
    path = get(event, *_PARENT[:2])
    named = Process("", program(path) or "?", get(event, "process.parent.pid"), "", 0, "")
    return _told(get(event, "process.parent.command_line") or path, named)


def _told(command: str, process: Process) -> Process:
    """Return a process with its command, as much of it as each place shows."""
    if len(command) <= SHORT:
        return replace(process, command=command)
    return replace(process, command=short(command, SHORT), opened=command[:WHOLE], cut=len(command) > WHOLE)

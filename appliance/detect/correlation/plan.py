"""From correlations to the nodes that run them: who feeds whom, how long each waits, what must be carried along."""

from __future__ import annotations

import hashlib
from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from appliance.detect.model import Rule

from .marks import Marks
from .model import STATISTICS, TEMPORAL, Bounds, Correlation, Kind
from .resolve import Resolved, Target, digests, silent_rules
from .statistic import Windows, windows_of
from .timers import Timers
from .window import Decision, Lacking, complete_decision, lacking_values, least_of, rising_decision, terms_of

#: Entries that a group keeps beside what its threshold needs, and those of a statistic.
SPARE, NUMBERS = 256, 4096
#: Before all times.
NEVER = -(1 << 62)


class Mode(Enum):
    """When a condition is judged."""

    AT_ONCE = "at once"
    """At every event: the window that ends there. More events can only confirm it."""
    SETTLED = "settled"
    """At every event, once nothing earlier can still come: a number that may go up and down."""
    CLOSED = "closed"
    """At the end of a window that its first event opened: a condition that more events may undo."""


def mode_of(correlation: Correlation) -> Mode:
    """When the condition of a correlation is judged."""
    if not correlation.condition.rising:
        return Mode.CLOSED
    return Mode.SETTLED if correlation.kind in STATISTICS else Mode.AT_ONCE


@dataclass(slots=True)
class Group:
    """One group's memory. Times in microseconds: `touched` when a hit last arrived, `closed` upto where it is judged.

    `source` is who sent the last hit; `written` is the batch as of which it is on disk. What follows is not written,
    it says again what the entries say: `newest` is the last one's time, `mask` has the rules that any of them
    fulfils (temporal types only), `spare` is how many further ones can complete nothing, `due` the bucket of the
    group's timer. `ragged` says that entries which no match has named may lie before some that one has.
    """

    entries: list[bytes] = field(default_factory=list)
    mask: int = field(default=0, compare=False)
    touched: int = 0
    closed: int = NEVER
    source: str = ""
    written: int = -1
    newest: int = NEVER
    spare: int = field(default=0, compare=False)
    due: int = field(default=NEVER, compare=False)
    ragged: bool = field(default=False, compare=False)
    marks: Marks | None = field(default=None, compare=False)


@dataclass(slots=True, eq=False)
class Node:
    """A correlation at work. `carried` are fields that those above it need and it does not group by."""

    correlation: Correlation
    targets: Sequence[Target]
    digest: str
    silent: bool
    mode: Mode
    decision: Decision
    lacking: Lacking | None
    """How many values a window lacks, where values are counted at once."""
    windows: Windows | None
    """The number of one window after the other, for statistics."""
    cap: int
    needed: tuple[tuple[int, int], ...]
    """One of these sets of rules must be in a group before anything can hold, and an event fulfil one of the second
    set to complete it; empty for counts."""
    least: int
    at_once: bool
    ordered: bool
    numeric: bool
    plain: bool
    """Judged at every event; in the order of its rules; whether it computes with numbers; refers to rules alone."""
    lateness: int = 0
    """How long after its time a hit may arrive and still be in order: what was allowed and what was waited below."""
    retain: int = 0
    """How far back a group remembers."""
    carried: tuple[str, ...] = ()
    parents: list[tuple[Node, int]] = field(default_factory=list)
    """Those above it, with the place of this one among their rules."""
    names: tuple[tuple[str, ...], ...] = ()
    """For each of its rules the fields that are read: to group by, to count, to carry."""
    groups: OrderedDict[str, Group] = field(default_factory=OrderedDict)
    timers: Timers = field(default_factory=Timers)
    """When groups are to be judged, by their key."""
    changed: set[str] = field(default_factory=set)
    """Groups that changed since it was asked for."""
    number: int = 0
    """Its place in the plan, which is the same wherever a plan is made of the same rules."""
    span: int = 0
    prompt: int = 0
    opened: int = 0
    """The timespan; how long after its time a hit may come and still join the others of its group; how long after the
    time of the event that opens a window, or ends a settled one, the window is complete."""
    grouped: int = 0
    counted: int = 0
    """How many of `names` are grouped by, and where those that are counted end."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All nodes, children first, and which nodes a rule feeds: rule id → (node, place among its rules)."""

    nodes: tuple[Node, ...]
    uses: Mapping[str, Sequence[tuple[Node, int]]]
    silent: frozenset[str]


def make_plan(resolved: Resolved, lateness: int) -> Plan:
    """The plan for sound correlations; `lateness` is in microseconds."""
    silent = silent_rules(resolved.correlations, resolved.targets)
    hashes = digests(resolved)
    nodes: dict[str, Node] = {}
    uses: dict[str, list[tuple[Node, int]]] = defaultdict(list)
    for one in resolved.correlations:
        node = nodes[one.id] = _node(one, resolved.targets[one.id], hashes[one.id], one.id in silent)
        waited = 0
        for place, target in enumerate(node.targets):
            if isinstance(target, Rule):
                uses[target.id].append((node, place))
            else:
                child = nodes[target.id]
                child.parents.append((node, place))
                waited = max(waited, _waited(child, lateness))
        node.lateness = lateness + waited
        node.prompt = node.span + node.lateness
        node.opened = node.lateness + (node.span if node.mode is Mode.CLOSED else 0)
    for node in reversed(nodes.values()):
        _look_up(node)
    for number, node in enumerate(nodes.values()):
        node.number = number
    return Plan(tuple(nodes.values()), dict(uses), silent)


def _waited(child: Node, lateness: int) -> int:
    """How old a match of a node can be when it is found, beyond the lateness allowed to every hit."""
    before = child.lateness - lateness
    if child.mode is Mode.AT_ONCE:
        return before
    return before + lateness + (child.correlation.timespan if child.mode is Mode.CLOSED else 0)


def _look_up(node: Node) -> None:
    """What those above a node need of it."""
    above = max((parent.retain for parent, _ in node.parents), default=0)
    node.retain = 2 * node.correlation.timespan + node.lateness + above
    wanted: set[str] = set()
    for parent, place in node.parents:
        reference = parent.correlation.rules[place]
        names = (*parent.correlation.group_by, *parent.correlation.fields, *parent.carried)
        wanted |= {parent.correlation.field_of(name, reference) for name in names}
    one = node.correlation
    node.carried = tuple(sorted(wanted - set(one.group_by)))
    # What is remembered of a hit depends on what is carried, too.
    node.digest = hashlib.sha256("\x1f".join((node.digest, *node.carried)).encode()).hexdigest()[:32]
    names = (*one.group_by, *one.fields, *node.carried)
    node.names = tuple(tuple(one.field_of(name, reference) for name in names) for reference in one.rules)


def _node(one: Correlation, targets: Sequence[Target], digest: str, silent: bool) -> Node:
    mode = mode_of(one)
    least = least_of(one.condition) if isinstance(one.condition, Bounds) and mode is Mode.AT_ONCE else 1
    at_once, temporal = mode is Mode.AT_ONCE, one.kind in TEMPORAL
    return Node(
        correlation=one,
        targets=targets,
        digest=digest,
        silent=silent,
        mode=mode,
        decision=rising_decision(one) if at_once else complete_decision(one),
        lacking=lacking_values(least) if at_once and one.kind is Kind.VALUE_COUNT else None,
        windows=windows_of(one) if mode is Mode.SETTLED else None,
        cap=_cap(one, least),
        needed=_needed(one) if temporal and at_once else (),
        least=1 if temporal else least,
        at_once=at_once,
        ordered=one.kind is Kind.TEMPORAL_ORDERED,
        numeric=one.kind in STATISTICS,
        plain=all(isinstance(target, Rule) for target in targets),
        span=one.timespan,
        grouped=len(one.group_by),
        counted=len(one.group_by) + len(one.fields),
    )


def _needed(one: Correlation) -> tuple[tuple[int, int], ...]:
    found = []
    for term in terms_of(one):
        bits = sum(1 << place for place in term.wanted)
        found.append((bits, 1 << term.wanted[-1] if one.kind is Kind.TEMPORAL_ORDERED else bits))
    return tuple(found)


def _cap(one: Correlation, least: int) -> int:
    if one.kind in STATISTICS:
        return NUMBERS
    highest = max((value for _, value in one.condition.tests), default=0) if isinstance(one.condition, Bounds) else 0
    return max(SPARE, 2 * max(least, int(highest)))

"""For each rule: whether anything feeds it, whether its events arrive, and whether they have what it asks for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from appliance.detect.engine import field_names
from appliance.detect.model import Rule
from appliance.detect.nodes import Node, fields
from appliance.detect.resolve import applied, facts, with_renames
from appliance.detect.routes import EventClass, Feed, Reason, Routes

from .needs import can_match, missing, needed


class State(StrEnum):
    """How well a rule sees, from the worst to the best."""

    UNFED = "unfed"
    """No source of ours gives such events."""
    SILENT = "silent"
    """A source does, and no event of it came within the days asked for."""
    BLIND = "blind"
    """Events come, and all lack fields without which the rule cannot match."""
    LIMITED = "limited"
    """It can match, and no event has some of the fields that it also looks at."""
    SEEING = "seeing"


ARRIVING = frozenset({State.LIMITED, State.SEEING})
"""States in which the events of a rule come and it can match them."""


@dataclass(frozen=True, slots=True)
class Had:
    """What one class of events had within the days asked for; `last_at` in microseconds."""

    events: int
    last_at: int
    fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class Sight:
    """What one rule or correlation can see. `missing` are Sigma field names; `reason` says why nothing feeds it.

    `without` are the ids of those that a correlation refers to and that get no data of use.
    """

    rule: str
    state: State
    missing: tuple[str, ...] = ()
    events: int = 0
    last_at: int | None = None
    """When the last event was put to the rule."""
    reason: Reason | None = None
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What follows from the fields alone for one rule, or for one correlation from what its rules see.

    `kinds` are the classes of events that are put to it.
    """

    rule: str
    state: State
    missing: tuple[str, ...] = ()
    kinds: tuple[EventClass, ...] = ()
    reason: Reason | None = None
    without: tuple[str, ...] = ()


def look(rules: Iterable[Rule], routes: Routes, had: Mapping[EventClass, Had]) -> list[Sight]:
    """Return what each rule can see, in the order of the rules."""
    return seen(judge(rules, routes, {kind: one.fields for kind, one in had.items()}), had)


def seen(judgements: Iterable[Judgement], had: Mapping[EventClass, Had]) -> list[Sight]:
    """Return judgements with the numbers of events and the times that belong to them."""
    return [_seen(one, [had[kind] for kind in one.kinds]) for one in judgements]


def _seen(one: Judgement, had: Sequence[Had]) -> Sight:
    last_at = max((each.last_at for each in had), default=None)
    return Sight(one.rule, one.state, one.missing, sum(each.events for each in had), last_at, one.reason, one.without)


def judge(rules: Iterable[Rule], routes: Routes, had: Mapping[EventClass, frozenset[str]]) -> list[Judgement]:
    """Return the state of each rule, given the fields of the classes of events that came; the dear part of `look`."""
    return [_judge(rule, routes, had) for rule in rules]


def _judge(rule: Rule, routes: Routes, had: Mapping[EventClass, frozenset[str]]) -> Judgement:
    reason = routes.reason(rule.logsource)
    if reason is not None:
        return Judgement(rule.id, State.UNFED, reason=reason)
    feeds = routes.feeds(rule.logsource)
    node = rule.node
    views = [
        view
        for kind, names in had.items()
        for feed in feeds
        if feed.takes(kind) and (view := _view(node, feed, kind, names))
    ]
    if not views:
        return Judgement(rule.id, State.SILENT)
    kinds = tuple(dict.fromkeys(one.kind for one in views))
    able = [one for one in views if not one.needed]
    if not able:
        nearest = min(views, key=lambda one: len(one.needed))
        return Judgement(rule.id, State.BLIND, tuple(sorted(nearest.needed)), kinds)
    gone = frozenset.intersection(*(one.missing for one in able))
    return Judgement(rule.id, State.LIMITED if gone else State.SEEING, tuple(sorted(gone)), kinds)


@dataclass(frozen=True, slots=True)
class _View:
    """A rule over one class of events; the fields are Sigma's names."""

    kind: EventClass
    needed: frozenset[str]
    missing: frozenset[str]


def _view(node: Node, feed: Feed, kind: EventClass, had: frozenset[str]) -> _View | None:
    """Return what a rule sees of a class; None when it holds for no event of it (a rule for event 1 and class 3)."""
    names = field_names(kind)
    over = applied(node, feed, names, facts(kind))
    if not can_match(over, _every):
        return None
    gone = missing(over, had.__contains__)
    blinding = needed(over, had.__contains__) if gone else frozenset()
    resolve = with_renames(names, feed.renames)
    words = {resolve(name): name for name in fields(node) if name is not None}
    return _View(
        kind,
        frozenset(words.get(key, key) for key in blinding),
        frozenset(words.get(key, key) for key in gone),
    )


def _every(key: str) -> bool:
    """Say that events have any field: what cannot match then is no matter of fields."""
    return bool(key)

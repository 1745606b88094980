"""What a correlation sees: what its rules see, as far as its condition needs them, and the fields it joins by. Pure.

A condition over counts needs one of its rules, a temporal one all of them or as many as it asks for, a boolean one the
rules of one of its ways. Rules are as good as the worst that is needed and the best that there is a choice of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from appliance.detect.correlation.model import TEMPORAL, Bounds, Correlation, Expression
from appliance.detect.correlation.resolve import Resolved
from appliance.detect.engine import field_names
from appliance.detect.model import Rule
from appliance.detect.resolve import with_renames
from appliance.detect.routes import EventClass, Routes

from .sight import ARRIVING, Judgement, State

#: From the worst to the best.
_RANK = {state: rank for rank, state in enumerate(State)}
Fields = Mapping[EventClass, frozenset[str]]


@dataclass(frozen=True, slots=True)
class _Sources:
    """What judging needs: judgements of rules by id, what refers to what, the fields that events had."""

    rules: Mapping[str, Judgement]
    resolved: Resolved
    routes: Routes
    had: Fields


def judge_correlations(rules: Iterable[Judgement], resolved: Resolved, routes: Routes, had: Fields) -> list[Judgement]:
    """Return the state of each sound correlation, given those of the rules and the fields of the events that came."""
    sources = _Sources({one.rule: one for one in rules}, resolved, routes, had)
    return [_judged(one, (), sources) for one in resolved.correlations]


def _judged(one: Correlation, asked: Sequence[str], sources: _Sources) -> Judgement:
    """Judge a correlation from whose events `asked` are read, too: what those above it group by and count."""
    names = tuple(dict.fromkeys((*one.group_by, *one.fields, *asked)))
    below = []
    for reference, target in zip(one.rules, sources.resolved.targets[one.id], strict=True):
        meant = tuple(one.field_of(name, reference) for name in names)
        seen = _with_fields(target, meant, sources) if isinstance(target, Rule) else _judged(target, meant, sources)
        below.append(seen)
    state = _state(one, [each.state for each in below])
    without = tuple(each.rule for each in below if each.state not in ARRIVING)
    if without and state is State.SEEING:
        state = State.LIMITED
    return Judgement(
        one.id,
        state,
        tuple(sorted({name for each in below for name in each.missing})),
        tuple(dict.fromkeys(kind for each in below for kind in each.kinds)),
        next((each.reason for each in below if each.reason), None) if state is State.UNFED else None,
        without,
    )


def _with_fields(rule: Rule, names: Sequence[str], sources: _Sources) -> Judgement:
    """Return what a rule sees for a correlation: without a field that is read of its hits these are of no use."""
    found = sources.rules[rule.id]
    if found.state not in ARRIVING:
        return found
    gone = [_gone(rule, kind, names, sources) for kind in found.kinds]
    if not gone or not all(gone):
        return found
    nearest: frozenset[str] = min(gone, key=len)
    return Judgement(rule.id, State.BLIND, tuple(sorted(nearest)), found.kinds)


def _gone(rule: Rule, kind: EventClass, names: Sequence[str], sources: _Sources) -> frozenset[str]:
    """Return which of some fields no event of a class has had."""
    resolver = field_names(kind)
    feed = next((feed for feed in sources.routes.feeds(rule.logsource) if feed.takes(kind)), None)
    if feed is not None:
        resolver = with_renames(resolver, feed.renames)
    return frozenset(name for name in names if resolver(name) not in sources.had[kind])


def _state(one: Correlation, states: Sequence[State]) -> State:
    """Return how well a condition is served by the states of its rules, in their order."""
    ordered = sorted(states, key=_RANK.__getitem__)
    condition = one.condition
    if isinstance(condition, Expression):
        # A way that only bars rules is judged from the first event of any of them.
        ways = [[states[place] for place in term.wanted] or ordered[-1:] for term in condition.terms]
        return max((min(way, key=_RANK.__getitem__) for way in ways), key=_RANK.__getitem__)
    if one.kind not in TEMPORAL:
        return ordered[-1]
    return ordered[-_wanted(condition, len(states))]


def _wanted(condition: Bounds, rules: int) -> int:
    """Return how many rules must occur for a temporal condition with a number."""
    return next((number for number in range(1, rules + 1) if condition.hold(number)), rules)

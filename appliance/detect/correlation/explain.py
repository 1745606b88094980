"""What correlated: an alert's evidence looked at again, rule by rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from appliance.detect.engine import Engine, field_names
from appliance.detect.model import Rule, RuleSet
from appliance.detect.routes import shipped_routes
from appliance.detect.values import Event, texts
from appliance.normalise.fields import told_twice

from .entry import NOTHING, digest, identity_of, name, number, tail
from .fields import GAP, FieldKeys, canonical, group_text, number_of_text
from .model import STATISTICS, Bounds, Correlation, Kind
from .reading import narrowed
from .resolve import Target, resolve
from .window import number_in

#: Values of one field that are told.
_VALUES = 12


@dataclass(frozen=True, slots=True)
class Part:
    """One of the rules that a correlation refers to: how many of the events fulfil it, and when; times in µs."""

    id: str
    title: str
    correlation: bool
    count: int
    first: int | None
    last: int | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a correlation holds for some events: `number` is what its condition compares, None for rules alone.

    `group` has each group-by field with its value, `values` some of those that were counted or computed with.
    """

    kind: str
    condition: str
    timespan: int
    group: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]
    fields: tuple[str, ...]
    number: float | None
    values: tuple[str, ...]
    events: int
    first: int
    last: int


def explain_correlation(ruleset: RuleSet, correlation: Correlation, events: Sequence[Event]) -> Explanation:
    """Explain a correlation by its evidence; `ruleset` is the one it comes from, `events` are at least one."""
    alone = narrowed(ruleset, correlation)
    targets = resolve(alone.rules, alone.correlations).targets
    engine = Engine(alone)
    matched = [(event, {rule.id for rule in engine.match(event)}) for event in events]
    keys = FieldKeys(shipped_routes(), field_names)
    direct = [
        (event, place, rule)
        for event, ids in matched
        for place, rule in enumerate(targets[correlation.id])
        if isinstance(rule, Rule) and rule.id in ids
    ]
    parts = [
        _part(target, [event for event, ids in matched if ids & _base(target, targets)])
        for target in targets[correlation.id]
    ]
    group = next((_group(correlation, keys, *one) for one in direct), ())
    amount, values = _counted(correlation, keys, direct)
    times = [_time(event) for event in events]
    return Explanation(
        kind=correlation.kind.value,
        condition=str(correlation.condition),
        timespan=correlation.timespan,
        group=group,
        parts=tuple(parts),
        fields=correlation.fields,
        number=amount,
        values=values,
        events=len(events),
        first=min(times),
        last=max(times),
    )


def _time(event: Event) -> int:
    time = event["@timestamp"]
    assert isinstance(time, int)
    return time


def _base(target: Target, targets: Mapping[str, Sequence[Target]]) -> set[str]:
    """Ids of the rules at the bottom of a reference."""
    if isinstance(target, Rule):
        return {target.id}
    return {identity for one in targets[target.id] for identity in _base(one, targets)}


def _part(target: Target, events: Iterable[Event]) -> Part:
    times = [_time(event) for event in events]
    return Part(
        target.id,
        target.title,
        isinstance(target, Correlation),
        len(times),
        min(times, default=None),
        max(times, default=None),
    )


def _group(one: Correlation, keys: FieldKeys, event: Event, place: int, rule: Rule) -> tuple[tuple[str, str], ...]:
    names = tuple(one.field_of(name, one.rules[place]) for name in one.group_by)
    found = keys.keys(rule, event, names)
    return tuple((name, ", ".join(texts(event.get(key)))) for name, key in zip(one.group_by, found, strict=True))


def _counted(
    one: Correlation, keys: FieldKeys, direct: Sequence[tuple[Event, int, Rule]]
) -> tuple[float | None, tuple[str, ...]]:
    """The number that the condition compares, and some of the values behind it."""
    if not isinstance(one.condition, Bounds) or len(direct) == 0 or one.kind in {Kind.TEMPORAL, Kind.TEMPORAL_ORDERED}:
        return None, ()
    entries: dict[bytes, bytes] = {}
    shown: dict[str, None] = {}
    for event, place, rule in direct:
        names = tuple(one.field_of(field, one.rules[place]) for field in one.fields)
        found = keys.keys(rule, event, names)
        told = canonical(event, told_twice().intersection(found))
        raw = [told.get(key) for key in found]
        value = NOTHING
        if one.kind in STATISTICS:
            value = number(number_of_text(raw[0]) or 0.0)
        elif raw:
            value = digest(GAP.join(map(group_text, raw)))
        identity = identity_of(str(event["event.id"]))
        entries[identity] = name(_time(event), identity) + tail(1, value)
        if raw:
            shown[" / ".join(", ".join(texts(each)) for each in raw)] = None
    ordered = sorted(entries.values())
    return number_in(one, ordered, 0, len(ordered)), tuple(shown)[:_VALUES]

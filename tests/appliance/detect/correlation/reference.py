"""What correlations mean, said again in the plainest way: every window of every group is looked at in full.

Slow, without bounds, without state; nothing of the correlator is used but the parsed document.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import combinations, pairwise, product
from statistics import median

from appliance.detect.correlation import Bounds, Correlation, Expression, Kind


@dataclass(frozen=True)
class Hit:
    """An event as the reference sees it: its time, what it fulfils (references), and its fields."""

    id: str
    at: int
    rules: frozenset[str]
    fields: Mapping[str, str | float]


@dataclass(frozen=True)
class Expected:
    """A match: its id, its group, the event it ends with, and all events of its window."""

    id: str
    group: tuple[str, ...]
    at: int
    events: frozenset[str]


def expected(one: Correlation, hits: Iterable[Hit]) -> list[Expected]:
    """Every match of one correlation over a set of hits."""
    groups: dict[tuple[str, ...], list[Hit]] = defaultdict(list)
    for hit in sorted(hits, key=lambda hit: (hit.at, hit.id)):
        needed = (*one.group_by, *one.fields)
        if hit.rules & set(one.rules) and all(hit.fields.get(name, "") != "" for name in needed):
            groups[tuple(str(hit.fields[name]) for name in one.group_by)].append(hit)
    found = []
    for group, inside in groups.items():
        windows = _at_every_event(one, inside) if _only_grows(one) or _is_statistic(one) else _opened(one, inside)
        found += [_expected(one, group, anchor, window) for anchor, window in windows]
    return found


def _is_statistic(one: Correlation) -> bool:
    assert one.condition is not None
    return str(one.kind) in {"value_sum", "value_avg", "value_percentile", "value_median"} and _only_lower(one)


def _only_lower(one: Correlation) -> bool:
    return isinstance(one.condition, Bounds) and {name for name, _ in one.condition.tests} <= {"gt", "gte"}


def _only_grows(one: Correlation) -> bool:
    if isinstance(one.condition, Expression):
        return " not " not in f" {one.condition.text.lower()} "
    return _only_lower(one)


def _at_every_event(one: Correlation, hits: Sequence[Hit]) -> Iterable[tuple[Hit, list[Hit]]]:
    for anchor in hits:
        window = [hit for hit in hits if anchor.at - one.timespan <= hit.at <= anchor.at]
        if _holds(one, window, anchor):
            yield anchor, window


def _opened(one: Correlation, hits: Sequence[Hit]) -> Iterable[tuple[Hit, list[Hit]]]:
    rest = list(hits)
    while rest:
        end = rest[0].at + one.timespan
        window, rest = [hit for hit in rest if hit.at <= end], [hit for hit in rest if hit.at > end]
        if _holds(one, window, None):
            yield window[-1], window


def _holds(one: Correlation, window: Sequence[Hit], anchor: Hit | None) -> bool:
    if one.kind in {Kind.TEMPORAL, Kind.TEMPORAL_ORDERED}:
        return _temporal(one, window, anchor)
    assert isinstance(one.condition, Bounds)
    return one.condition.hold(_number(one, window))


def _number(one: Correlation, window: Sequence[Hit]) -> float:
    if one.kind is Kind.EVENT_COUNT:
        return len(window)
    if one.kind is Kind.VALUE_COUNT:
        return len({tuple(hit.fields[name] for name in one.fields) for hit in window})
    values = sorted(float(hit.fields[one.fields[0]]) for hit in window)
    if one.kind is Kind.VALUE_SUM:
        return sum(values)
    if one.kind is Kind.VALUE_AVG:
        return sum(values) / len(values)
    if one.kind is Kind.VALUE_MEDIAN:
        return median(values)
    assert isinstance(one.condition, Bounds)
    share = one.condition.percentile or 0
    return next(value for value in values if sum(other <= value for other in values) * 100 >= share * len(values))


def _truth(one: Correlation, present: Iterable[str]) -> bool:
    there = set(present)
    if isinstance(one.condition, Bounds):
        return one.condition.hold(len(there))
    words = re.findall(r"[()]|[^\s()]+", one.condition.text)
    plain = [word.lower() if word.lower() in {"and", "or", "not", "(", ")"} else str(word in there) for word in words]
    return bool(eval(" ".join(plain)))


def _subsets(rules: Iterable[str]) -> list[tuple[str, ...]]:
    every = sorted(set(rules))
    return [way for size in range(len(every) + 1) for way in combinations(every, size)]


def _temporal(one: Correlation, window: Sequence[Hit], anchor: Hit | None) -> bool:
    present = {rule for hit in window for rule in hit.rules} & set(one.rules)
    ordered = one.kind is Kind.TEMPORAL_ORDERED
    if anchor is None:
        if isinstance(one.condition, Bounds) and ordered:
            longest = max(len(way) for way in _subsets(present) if _in_order(one, way, window, None))
            return one.condition.hold(longest)
        if not ordered:
            return _truth(one, present)
        return any(
            _in_order(one, way, window, None)
            for way in _subsets(present)
            if all(_truth(one, {*way, *more}) for more in _subsets(present - set(way)))
        )
    ways = [way for way in _subsets(present) if _truth(one, way)]
    least = [way for way in ways if not any(set(other) < set(way) for other in ways)]
    if not ordered:
        return any(anchor.rules & set(way) for way in least)
    return any(_in_order(one, way, window, anchor) for way in least)


def _in_order(one: Correlation, way: Iterable[str], window: Sequence[Hit], last: Hit | None) -> bool:
    steps = [rule for rule in one.rules if rule in set(way)]
    choices = [[hit for hit in window if step in hit.rules] for step in steps]
    for chain in product(*choices):
        if len({hit.id for hit in chain}) < len(chain) or (last is not None and chain[-1] != last):
            continue
        if all(before.at <= after.at for before, after in pairwise(chain)):
            return True
    return False


def _expected(one: Correlation, group: tuple[str, ...], anchor: Hit, window: Iterable[Hit]) -> Expected:
    name = "\x1f".join((one.id, *group, anchor.id))
    if not group:
        name = "\x1f".join((one.id, "", anchor.id))
    identity = blake2b(name.encode(), digest_size=16).hexdigest()
    return Expected(identity, group, anchor.at, frozenset(hit.id for hit in window))

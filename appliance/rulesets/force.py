"""What of the rules and correlations that are on can work, and what of the others these need."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from appliance.detect import Rule
from appliance.detect.correlation import Correlation
from appliance.detect.correlation.resolve import Target, resolve, silent_rules

from .policy import Off, Why

_One = TypeVar("_One", Rule, Correlation)
KINDS = frozenset({Why.RETIRED, Why.STATUS, Why.LEVEL, Why.LOGSOURCE, Why.TAG})
"""The policy is against the kind of a rule, and not against this very one: correlations may go on using it."""


@dataclass(frozen=True, slots=True)
class Force:
    """What comes in force. `idle` are correlations without a rule that they need, `lost` those that mean nothing.

    `serves` has the correlations in force that refer to a rule or correlation, by ids; `silent` are the ids of those
    among what is referred to that give no alerts of their own.
    """

    rules: list[Rule]
    correlations: list[Correlation]
    idle: Mapping[str, Off]
    lost: frozenset[str]
    serves: Mapping[str, tuple[str, ...]]
    silent: frozenset[str]


def in_force(content: Sequence[Target], offs: Mapping[str, Off | None]) -> Force:
    """Return what works of the content (each id once), of which `offs` says what is off.

    What is off for its kind alone but serves a correlation that is on goes in force as informational: it feeds the
    correlation and gives no alerts of its own.
    """
    rules = [one for one in content if isinstance(one, Rule)]
    correlations = [one for one in content if isinstance(one, Correlation)]
    resolved = resolve(rules, correlations)
    unusable = {one.id for one in rules if _barred(offs[one.id])}
    idle: dict[str, Off] = {}
    for one in resolved.correlations:
        missing = next((target for target in resolved.targets[one.id] if target.id in unusable), None)
        if missing is not None or _barred(offs[one.id]):
            unusable.add(one.id)
        if missing is not None and offs[one.id] is None:
            idle[one.id] = Off(Why.BASE, missing.title)
    wanted = {one.id for one in content if offs[one.id] is None and one.id not in idle}
    serving: set[str] = set()
    # Those on top come last.
    for one in reversed(resolved.correlations):
        if one.id in wanted or one.id in serving:
            serving |= {target.id for target in resolved.targets[one.id]}
    needed = wanted | serving
    working = [one for one in resolved.correlations if one.id in needed]
    return Force(
        [_serving(one) if one.id not in wanted else one for one in rules if one.id in needed],
        [_serving(one) if one.id not in wanted else one for one in working],
        idle,
        frozenset(one.id for one in correlations) - resolved.targets.keys(),
        served(working, resolved.targets),
        silent_rules(working, resolved.targets) | (serving - wanted),
    )


def served(
    correlations: Sequence[Correlation], targets: Mapping[str, Sequence[Target]]
) -> Mapping[str, tuple[str, ...]]:
    """Return the ids of the correlations that refer to each rule or correlation."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for one in correlations:
        for target in targets[one.id]:
            found[target.id][one.id] = None
    return {name: tuple(ids) for name, ids in found.items()}


def _barred(off: Off | None) -> bool:
    return off is not None and off.why not in KINDS


def _serving(one: _One) -> _One:
    return replace(one, level=0)

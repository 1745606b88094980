"""Events that are all there (files, own events, the evidence of an alert) through rules and correlations."""

from __future__ import annotations

from collections.abc import Iterable

from appliance.detect.engine import Engine
from appliance.detect.model import Rule, RuleSet
from appliance.detect.values import Event

from .correlator import FOREVER, Correlator
from .match import Match
from .model import Correlation
from .resolve import resolve


def narrowed(ruleset: RuleSet, correlation: Correlation) -> RuleSet:
    """A correlation and what it refers to, alone."""
    targets = resolve(ruleset.rules, ruleset.correlations).targets
    wanted, found = [correlation], {correlation.id: correlation}
    rules: dict[str, Rule] = {}
    while wanted:
        for target in targets.get(wanted.pop().id, ()):
            if isinstance(target, Rule):
                rules[target.id] = target
            elif target.id not in found:
                found[target.id] = target
                wanted.append(target)
    return RuleSet(list(rules.values()), [], correlations=list(found.values()))


def correlate(ruleset: RuleSet, events: Iterable[Event]) -> list[Match]:
    """Every match of correlations over events in any order."""
    engine, correlator = Engine(ruleset), Correlator(ruleset, lateness=FOREVER)
    found = [match for event in events for match in correlator.offer(event, engine.match(event))]
    return found + correlator.finish()

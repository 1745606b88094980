"""Detection: Sigma rules over the stream of events.

`load_rules` reads rules, `Engine.match` says which of them an event satisfies, `explain` says why.
"""

from __future__ import annotations

from .cache import load_plans, save_plans
from .cost import RuleStats
from .engine import Engine, field_names
from .explain import Tree
from .load import load_rules
from .model import LEVELS, Fault, Logsource, Rule, RuleSet
from .routes import EventClass, event_class
from .stream import RUN, matches
from .values import Event, Value


def explain(rule: Rule, event: Event) -> Tree:
    """Why a rule does or does not match an event, with the shipped routes and field names."""
    return Engine(RuleSet([rule], [])).explain(rule, event)


__all__ = [
    "LEVELS",
    "RUN",
    "Engine",
    "Event",
    "EventClass",
    "Fault",
    "Logsource",
    "Rule",
    "RuleSet",
    "RuleStats",
    "Tree",
    "Value",
    "event_class",
    "explain",
    "field_names",
    "load_plans",
    "load_rules",
    "matches",
    "save_plans",
]

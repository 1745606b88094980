"""Why an alert's rule matched its event, from the event as it was then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from appliance.detect import Rule, explain
from appliance.rulesets import Listed, listed
from appliance.state.models import Alert, AlertEvent
from appliance.web.problem import Problem

if TYPE_CHECKING:
    from appliance.web.context import Context


def rule_of(context: Context, rule_id: str) -> Rule | None:
    """Return a rule that the office has, in force or not; of several with one id the one that is in force."""
    found = listing_of(context, rule_id)
    return found.rule if found else None


def listing_of(context: Context, rule_id: str) -> Listed | None:
    """Return a rule as the office has it: where it is from, and why it is off."""
    found = [one for one in listed(context.rules()) if one.rule.id == rule_id]
    return min(found, key=lambda one: one.off is not None, default=None)


def thaw(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event as the engine knows it from its JSON: lists are tuples again."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in event.items()}


def explain_alert(context: Context, alert: Alert, rows: Sequence[AlertEvent]) -> dict[str, Any]:
    """Return {"rule_id", "event_id", "tree"} for the alert's first event.

    Raises Problem 404 when the rule is no longer in force or the event is not kept.
    """
    rule = rule_of(context, alert.rule_id)
    if rule is None:
        raise Problem(404, "rule_unknown")
    if not rows or not rows[0].event:
        raise Problem(404, "event_unknown")
    tree = explain(rule, thaw(rows[0].event))
    return {"rule_id": rule.id, "event_id": rows[0].event_id, "tree": asdict(tree)}

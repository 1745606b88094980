"""Why an alert's rule matched its event, from the event as it was then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from appliance.detect import Rule, explain
from appliance.detect.correlation import Correlation
from appliance.detect.correlation.explain import Explanation, explain_correlation
from appliance.detect.correlation.reading import narrowed
from appliance.detect.flips import document
from appliance.detect.values import thaw
from appliance.rulesets import Listed, listed
from appliance.state.models import Alert, AlertEvent
from appliance.web.problem import Problem

if TYPE_CHECKING:
    from appliance.web.context import Context


def rule_of(context: Context, rule_id: str) -> Rule | None:
    """Return a rule that the office has, in force or not; of several with one id the one that is in force."""
    found = content_of(context, rule_id)
    return found if isinstance(found, Rule) else None


def listing_of(context: Context, rule_id: str) -> Listed | None:
    """Return a rule or correlation as the office has it: where it is from, and why it is off."""
    found = [one for one in listed(context.rules()) if one.rule.id == rule_id]
    return min(found, key=lambda one: not one.at_work, default=None)


def content_of(context: Context, identity: str) -> Rule | Correlation | None:
    """Return a rule or correlation that the office has, in force or not."""
    found = listing_of(context, identity)
    return found.rule if found else None


def bases_of(context: Context, correlation: Correlation) -> list[Rule]:
    """Return the rules at the bottom of a correlation in force; none for one that is off."""
    return narrowed(context.rules(), correlation).rules


def what_correlated(context: Context, correlation: Correlation, rows: Sequence[AlertEvent]) -> Explanation | None:
    """Return why a correlation held, by those of an alert's events that are kept with it.

    None without any, and for one that is off: its rules may be off too.
    """
    ruleset, events = context.rules(), [thaw(row.event) for row in rows if row.event]
    in_force = any(one.id == correlation.id for one in ruleset.correlations)
    return explain_correlation(ruleset, correlation, events) if events and in_force else None


def explain_alert(context: Context, alert: Alert, rows: Sequence[AlertEvent]) -> dict[str, Any]:
    """Return {"rule_id", "event_id", "tree", "changes"} for the alert's first event.

    `changes` are the fewest leaves that would have to come out otherwise for the whole to do so; null when none do.
    For a correlation's alert "correlation", what correlated in its first events, stands instead of both.

    Raises Problem 404 when the rule is no longer in force or the event is not kept.
    """
    rule = content_of(context, alert.rule_id)
    if rule is None:
        raise Problem(404, "rule_unknown")
    if not rows or not rows[0].event:
        raise Problem(404, "event_unknown")
    if isinstance(rule, Correlation):
        found = what_correlated(context, rule, rows)
        if found is None:
            raise Problem(404, "rule_unknown")
        return {"rule_id": rule.id, "event_id": rows[0].event_id, "correlation": asdict(found)}
    tree = explain(rule, thaw(rows[0].event))
    return {"rule_id": rule.id, "event_id": rows[0].event_id, **document(tree)}

"""Why an alert's rule matched its event, from the event as it was then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from appliance.detect import Rule, explain
from appliance.detect.correlation import Correlation
from appliance.detect.correlation.explain import Explanation, explain_correlation
from appliance.detect.flips import document
from appliance.detect.values import thaw
from appliance.state.models import Alert, AlertEvent
from appliance.web.problem import Problem

__all__ = ["explain_alert", "rule_of", "thaw"]
if TYPE_CHECKING:
    from appliance.web.context import Context


def rule_of(context: Context, rule_id: str) -> Rule | None:
    """Return a rule in force."""
    return next((rule for rule in context.rules().rules if rule.id == rule_id), None)


def correlation_of(context: Context, correlation_id: str) -> Correlation | None:
    """Return a correlation in force."""
    return next((one for one in context.rules().correlations if one.id == correlation_id), None)


def content_of(context: Context, identity: str) -> Rule | Correlation | None:
    """Return a rule or correlation in force."""
    return rule_of(context, identity) or correlation_of(context, identity)


def what_correlated(context: Context, correlation: Correlation, rows: Sequence[AlertEvent]) -> Explanation | None:
    """Return why a correlation held, by those of an alert's events that are kept with it; None without any."""
    events = [thaw(row.event) for row in rows if row.event]
    return explain_correlation(context.rules(), correlation, events) if events else None


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
        assert found is not None
        return {"rule_id": rule.id, "event_id": rows[0].event_id, "correlation": asdict(found)}
    tree = explain(rule, thaw(rows[0].event))
    return {"rule_id": rule.id, "event_id": rows[0].event_id, **document(tree)}

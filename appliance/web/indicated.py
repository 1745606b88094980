"""Where the indicators are from that an alert's rule found in its events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy.orm import Session

from appliance.detect import Rule, Tree
from appliance.detect.correlation import Correlation
from appliance.detect.values import thaw
from appliance.indicators.traced import Traced, kinds_of, traced
from appliance.state.models import AlertEvent


def indicated(
    session: Session, rule: Rule | Correlation | None, tree: Tree | None, rows: Sequence[AlertEvent]
) -> Traced | None:
    """Return the values with their sources, by the rule's condition as it is today and the events that are kept.

    None for a rule that names no list of indicators, and where nothing of the condition or the events is left.
    """
    events = [thaw(row.event) for row in rows if row.event]
    kinds = kinds_of(rule.placeholders) if isinstance(rule, Rule) else frozenset()
    if not kinds or tree is None or not events:
        return None
    return traced(session, kinds, list(dict.fromkeys(_keys(tree))), events)


def _keys(tree: Tree) -> Iterator[str]:
    """Yield the keys of events that a condition looks at."""
    if tree.key:
        yield tree.key
    for child in tree.children:
        yield from _keys(child)

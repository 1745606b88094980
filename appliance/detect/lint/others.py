"""What the documents beside rules say: filters that do not hide what they name, correlations that nothing feeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from appliance.detect.correlation.model import Correlation
from appliance.detect.correlation.resolve import Resolved, Target
from appliance.detect.model import Filter, Rule
from appliance.detect.nodes import All, AnyOf, Const, Node, Not, negate
from appliance.detect.routes import Routes

from .meaning import why
from .model import Finding, RuleText
from .satisfy import impossible


def of_filter(one: Filter, text: RuleText) -> Iterator[Finding]:
    """Every finding that a filter's condition gives: it is joined to rules by "and"."""
    never = impossible(one.node)
    if never.never:
        yield text.finding("R02", "filter", "condition", why=why(never.clash))
    elif impossible(negate(one.node)).never:
        yield text.finding("R41", "filter", "condition")
    elif not _of_others(one.node):
        yield text.finding("R40", "filter", "condition")


def _of_others(node: Node) -> bool:
    """What a condition says of an event for which none of its comparisons holds."""
    if isinstance(node, Const):
        return node.value
    if isinstance(node, Not):
        return not _of_others(node.child)
    if isinstance(node, All):
        return all(map(_of_others, node.children))
    return isinstance(node, AnyOf) and any(map(_of_others, node.children))


def of_correlation(one: Correlation, text: RuleText, resolved: Resolved, routes: Routes) -> Iterator[Finding]:
    """A finding for each rule at the bottom of a correlation that no source feeds."""
    blind = {rule.id: rule for rule in _bases(one, resolved.targets) if not routes.feeds(rule.logsource)}
    for rule in blind.values():
        yield text.finding("R42", "correlation", "rules", title=rule.title, source=str(rule.logsource))


def _bases(one: Correlation, targets: Mapping[str, tuple[Target, ...]]) -> Iterator[Rule]:
    waiting, seen = [one], {one.id}
    while waiting:
        for target in targets.get(waiting.pop().id, ()):
            if isinstance(target, Rule):
                yield target
            elif target.id not in seen:
                seen.add(target.id)
                waiting.append(target)

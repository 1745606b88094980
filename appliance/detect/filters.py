"""Sigma filters joined to the rules they name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from .encode import both, stored
from .model import Fault, Filter, Logsource, Rule
from .nodes import NODES, All, all_of


def covers(wide: Logsource, narrow: Logsource) -> bool:
    """Whether a filter's log source takes in a rule's: what it names is the same there."""
    pairs = ((wide.product, narrow.product), (wide.category, narrow.category), (wide.service, narrow.service))
    return all(mine is None or mine == theirs for mine, theirs in pairs)


def apply_filters(rules: Sequence[Rule], filters: Iterable[Filter]) -> tuple[list[Rule], list[Fault]]:
    """The rules with the conditions of the filters that are about them joined by "and", in the order given.

    A filter that names a rule which is not there, or whose log source does not take in that rule's, is a fault:
    it would have no effect, and nobody would know.
    """
    places = _places(rules)
    found: dict[int, list[Filter]] = defaultdict(list)
    faults: list[Fault] = []
    for one in filters:
        named = range(len(rules)) if one.rules is None else _named(one, places, faults)
        for place in named:
            if covers(one.logsource, rules[place].logsource):
                found[place].append(one)
            elif one.rules is not None:
                faults.append(_not_covered(one, rules[place]))
    return [_filtered(rule, found[place]) if place in found else rule for place, rule in enumerate(rules)], faults


def _not_covered(one: Filter, rule: Rule) -> Fault:
    what = f"logsource filtra ({one.logsource}) nie obejmuje reguły „{rule.title}” ({rule.logsource})"
    return Fault(one.source_file, one.line, f"{what}; filtr na nią nie działa, popraw logsource")


def _places(rules: Sequence[Rule]) -> dict[str, list[int]]:
    """Where a reference leads: an id in any case, or a name as it is written."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, rule in enumerate(rules):
        places[rule.id.lower()].append(place)
        if rule.name:
            places[rule.name].append(place)
    return places


def _named(one: Filter, places: Mapping[str, list[int]], faults: list[Fault]) -> list[int]:
    found: dict[int, None] = {}
    for reference in one.rules or ():
        here = places.get(reference) or places.get(reference.lower()) or []
        if not here:
            message = f"filtr „{one.title}” wskazuje regułę „{reference}”, której nie ma; popraw rules albo usuń filtr"
            faults.append(Fault(one.source_file, one.line, message))
        found |= dict.fromkeys(here)
    return list(found)


def _filtered(rule: Rule, filters: Sequence[Filter]) -> Rule:
    if isinstance(rule.condition, NODES):
        # A tree that was filled from lists stays one: its text names long ones by their digest alone.
        node = rule.condition
        for one in filters:
            node = all_of([node, All((one.node,), f"filter: {one.title}")])
        return replace(rule, condition=node)
    condition = stored(rule)
    for one in filters:
        condition = both(condition, stored(one), f"filter: {one.title}")
    return replace(rule, condition=condition)

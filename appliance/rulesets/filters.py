"""Rules narrowed by Sigma filters: what a filter's selection finds, its rule leaves alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import yaml

from appliance.detect import Rule
from appliance.detect.nodes import Node, all_of


class BadFilter(ValueError):
    """A filter cannot be read; the text says why."""


def narrowed(rules: Sequence[Rule], filters: Iterable[str]) -> list[Rule]:
    """Return the rules, each with the filters that name it. Raises BadFilter."""
    wanted: dict[str, list[Node]] = {}
    for text in filters:
        for rule_id, node in _compiled(text).items():
            wanted.setdefault(rule_id, []).append(node)
    return [
        replace(rule, condition=all_of([rule.node, *wanted[rule.id]])) if rule.id in wanted else rule for rule in rules
    ]


@lru_cache(maxsize=1024)
def _compiled(text: str) -> Mapping[str, Node]:
    """Return rule id → what must hold beside the rule's own condition."""
    # pySigma takes longer to import than a set of rules without exceptions takes to load.
    from appliance.detect.parse import parse_file  # noqa: PLC0415

    plain = yaml.safe_load(text)
    parts = dict(plain.pop("filter"))
    rules = parts.pop("rules")
    parsed = parse_file("filter", yaml.safe_dump(plain | {"detection": parts}).encode())
    if parsed.faults:
        raise BadFilter(str(parsed.faults[0]))
    return {str(one): parsed.rules[0].node for one in rules}

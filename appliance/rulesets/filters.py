"""Exceptions as Sigma filters over rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from appliance.detect import Fault, Rule
from appliance.detect.filters import apply_filters
from appliance.detect.model import Filter, ParsedFile


def narrowed(rules: Sequence[Rule], filters: Mapping[str, str]) -> tuple[list[Rule], list[Fault]]:
    """Return the rules, each with the filters (name → text) that are about it, and the faults of filters.

    For a rule that is not among them a filter has nothing to do.
    """
    there = {rule.id for rule in rules}
    wanted: list[Filter] = []
    faults: list[Fault] = []
    for name, text in filters.items():
        parsed = _parsed(name, text)
        faults.extend(parsed.faults)
        wanted.extend(mine for one in parsed.filters if (mine := _about(one, there)))
    found, lost = apply_filters(rules, wanted)
    return found, faults + lost


def _about(one: Filter, there: set[str]) -> Filter | None:
    if one.rules is None:
        return one
    rules = tuple(rule for rule in one.rules if rule in there)
    return replace(one, rules=rules) if rules else None


@lru_cache(maxsize=1024)
def _parsed(name: str, text: str) -> ParsedFile:
    # The parser takes longer to import than a set of rules without exceptions takes to load.
    from appliance.detect.parse import parse_file  # noqa: PLC0415 - slower to import than rules are to load

    return parse_file(name, text.encode(), None)

"""The lint of rules: what is wrong, and what is merely an unwise habit. Values in, findings out; no files, no clock.

`lint` takes the loaded rules and the texts they came from; each finding has a stable code (`docs/lint.md`).
"""

from __future__ import annotations

from collections.abc import Iterable

from appliance.detect.model import Fault, RuleSet
from appliance.detect.resolve import ResolverFactory
from appliance.detect.routes import Routes

from .meaning import meaning, same_conditions
from .model import LEVELS, Finding, Level, RuleText
from .written import written

#: Keys of documents that are no rules; other parts of the box check those.
_OTHERS = ("correlation", "filter", "action")


def lint(ruleset: RuleSet, texts: Iterable[RuleText], routes: Routes, resolvers: ResolverFactory) -> list[Finding]:
    """Every finding about these rules, by file and line. Faults of the rule set are findings too."""
    findings = [fault_finding(fault) for fault in ruleset.faults]
    placed = {(text.file, text.document.line): text for text in texts if is_rule(text)}
    for text in placed.values():
        findings.extend(written(text))
    for rule in ruleset.rules:
        found = placed.get((rule.source_file, rule.line))
        if found is not None:
            findings.extend(meaning(rule, found, routes, resolvers))
    findings.extend(same_conditions(ruleset.rules, placed))
    return sorted(findings, key=lambda finding: finding.place)


def fault_finding(fault: Fault) -> Finding:
    """What `check` finds, as a finding."""
    return Finding(fault.file, fault.line, "R01", {"message": fault.message})


def is_rule(text: RuleText) -> bool:
    """Whether a document is a detection rule rather than a correlation or a filter."""
    value = text.document.value
    return isinstance(value, dict) and not any(key in value for key in _OTHERS)


__all__ = ["LEVELS", "Finding", "Level", "RuleText", "fault_finding", "is_rule", "lint"]

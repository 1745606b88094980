"""The lint of rules: what is wrong, and what is merely an unwise habit. Values in, findings out; no files, no clock.

`lint` takes the loaded rules and the texts they came from; each finding has a stable code (`docs/lint.md`).
"""

from __future__ import annotations

from collections.abc import Iterable

from appliance.detect.correlation.resolve import resolve
from appliance.detect.model import Fault, RuleSet
from appliance.detect.resolve import ResolverFactory
from appliance.detect.routes import Routes

from .meaning import meaning, same_conditions
from .model import LEVELS, Finding, Level, RuleText
from .others import of_correlation, of_filter
from .slips import slips
from .written import written


def lint(
    ruleset: RuleSet,
    texts: Iterable[RuleText],
    routes: Routes,
    resolvers: ResolverFactory,
    among: RuleSet | None = None,
) -> list[Finding]:
    """Every finding about these rules, correlations and filters, by file and line; faults of the set are some, too.

    `among` has what they may refer to, themselves with it; without it they refer to each other alone.
    """
    findings = [fault_finding(fault) for fault in ruleset.faults]
    placed = {(text.file, text.document.line): text for text in texts}
    for text in placed.values():
        findings.extend(written(text))
        findings.extend(slips(text))
    whole = among or ruleset
    resolved = resolve(whole.rules, whole.correlations)
    for rule in ruleset.rules:
        found = placed.get((rule.source_file, rule.line))
        if found is not None:
            findings.extend(meaning(rule, found, routes, resolvers))
    for one in ruleset.filters:
        found = placed.get((one.source_file, one.line))
        if found is not None:
            findings.extend(of_filter(one, found))
    for correlation in ruleset.correlations:
        found = placed.get((correlation.source_file, correlation.line))
        if found is not None:
            findings.extend(of_correlation(correlation, found, resolved, routes))
    findings.extend(same_conditions(ruleset.rules, placed))
    return sorted(findings, key=lambda finding: finding.place)


def fault_finding(fault: Fault) -> Finding:
    """What `check` finds, as a finding."""
    return Finding(fault.file, fault.line, "R01", {"message": fault.message})


__all__ = ["LEVELS", "Finding", "Level", "RuleText", "fault_finding", "lint"]

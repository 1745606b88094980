"""Which rule or correlation a person means, by its id, name, title or file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.cli.rulefiles import box, load, load_among, of_box
from appliance.detect import Fault, Rule, RuleSet
from appliance.detect.correlation import Correlation
from appliance.detect.selftest import CORRELATIONS, SIGMA

if TYPE_CHECKING:
    from appliance.rulesets import ActiveRules, Listed


@dataclass(frozen=True, slots=True)
class Asked:
    """A rule or correlation with what it may refer to. `listed` says what a box makes of it; None without one."""

    rule: Rule | Correlation
    ruleset: RuleSet
    listed: Listed | None = None


def asked_for(wanted: str, folders: Sequence[Path] | None) -> tuple[list[Asked], list[Fault]]:
    """What is meant, and the faults of a named file. Without `folders` a box's rules are looked through, if any."""
    file = Path(wanted)
    if file.is_file():
        own, among = load_among([file])
        content: list[Rule | Correlation] = [*own.rules, *own.correlations]
        return [Asked(one, among) for one in content], own.faults
    home = None if folders else box()
    if home is not None:
        return _of_box(wanted, of_box(home, exceptions=True)), []
    ruleset = load(folders or [SIGMA, CORRELATIONS])
    return [Asked(one, ruleset) for one in _named(wanted, [*ruleset.rules, *ruleset.correlations])], []


def _of_box(wanted: str, active: ActiveRules) -> list[Asked]:
    """What the office has by that name; of several with one id the one that is at work, with its exceptions."""
    entries: dict[str, Listed] = {}
    for one in sorted(active.listed, key=lambda one: not one.at_work):
        entries.setdefault(one.rule.id, one)
    working = {rule.id: rule for rule in active.rules}
    rules = [working.get(one.rule.id, one.rule) for one in entries.values() if isinstance(one.rule, Rule)]
    together = [one.rule for one in entries.values() if isinstance(one.rule, Correlation)]
    ruleset = RuleSet(rules, [], correlations=together)
    return [Asked(one, ruleset, entries[one.id]) for one in _named(wanted, [*rules, *together])]


def _named(wanted: str, content: Iterable[Rule | Correlation]) -> list[Rule | Correlation]:
    """Those of this id or name, else those of this title."""
    folded, content = wanted.casefold(), list(content)
    exact = [one for one in content if one.id.casefold() == folded or (one.name and one.name == wanted)]
    return exact or [one for one in content if one.title.casefold() == folded]

"""Every network rule, correlation and analyser has an attack and a twin that pass over real virtual cards."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from appliance.detect import Rule, load_rules
from appliance.detect.correlation import Correlation
from appliance.detect.selftest import CORRELATIONS, SIGMA
from collector import analysers
from collector.analysers.registry import analysers as made
from tests.e2e import shown, volumes
from tests.e2e.test_mirror_port import NOTICED, PORTS_TRIED, REBINDING
from tests.e2e.test_network import WANTED

_NETWORK = SIGMA / "network"
_RULESET = load_rules([SIGMA, CORRELATIONS])
_NOTE = re.compile(r'"([A-Z][A-Za-z]*::[A-Z][A-Za-z_]*)"')


def _raised() -> set[str]:
    """Titles of the alerts that the tests wait for."""
    of_cases = {title for case in shown.cases() for title in case.titles}
    return of_cases | WANTED.keys() | volumes.WANTED.keys() | NOTICED | {PORTS_TRIED, REBINDING}


def _network() -> tuple[list[Rule], list[Correlation]]:
    """The rules of the network, and the correlations that count nothing else."""
    rules = [rule for rule in _RULESET.rules if Path(rule.source_file).is_relative_to(_NETWORK)]
    names = {name for rule in rules for name in (rule.id, rule.name)}
    found: list[Correlation] = []
    more = True
    while more:
        new = [one for one in _RULESET.correlations if one not in found and names.issuperset(one.rules)]
        names |= {name for one in new for name in (one.id, one.name)}
        found += new
        more = bool(new)
    return rules, found


def _fed(correlations: Iterable[Correlation]) -> set[str]:
    """Ids and names of what these correlations count; correlations of which others count are among them."""
    return {name for one in correlations for name in one.rules}


def test_every_network_rule_and_correlation_is_raised_over_a_card() -> None:
    raised = _raised()
    rules, correlations = _network()
    assert len(rules) >= 105
    assert len(correlations) >= 28
    assert [one.title for one in correlations if one.title not in raised] == []
    # What is only counted is seen by its correlation.
    counted = _fed(correlations)
    alone = [rule for rule in rules if rule.title not in raised and not {rule.id, rule.name} & counted]
    assert [rule.title for rule in alone] == []


def test_every_notice_of_every_analyser_is_raised_over_a_card() -> None:
    raised = _raised()
    rules, _ = _network()
    seen = " ".join(Path(rule.source_file).read_text(encoding="utf-8") for rule in rules if rule.title in raised)
    notes = dict(_notes())
    assert notes.keys() == {one.name for one in made()}
    assert {name: note for name, found in notes.items() for note in found if note not in seen} == {}


def _notes() -> Iterator[tuple[str, set[str]]]:
    """The analysers' names, and what each notices."""
    for file in sorted(Path(analysers.__file__).parent.glob("*.py")):
        found = set(_NOTE.findall(file.read_text(encoding="utf-8")))
        if found:
            yield file.stem, found


def test_every_case_has_a_twin() -> None:
    assert [case.titles for case in shown.cases() if not case.twin] == []

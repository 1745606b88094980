"""Every shipped rule and correlation against its own events, card and source; the content lies beside this file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance.detect import Engine, Rule, RuleSet, load_rules
from appliance.detect.correlation import Correlation
from appliance.detect.correlation.selftest import check_correlation
from appliance.detect.nodes import atoms
from appliance.detect.own import own_faults
from appliance.detect.selftest import CORRELATIONS, EVENTS, SIGMA, SOURCE, check_rule, events_file, events_folder
from appliance.normalise import normalise

RULESET = load_rules([SIGMA, CORRELATIONS])


def _stem(one: Rule | Correlation) -> str:
    return Path(one.source_file).stem


def test_all_own_rules_are_sound_fed_and_have_cards_and_events() -> None:
    assert RULESET.faults == []
    assert own_faults(RULESET, Engine(RULESET).unfed) == []
    assert len(RULESET.rules) >= 450
    assert len(RULESET.correlations) >= 65


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tags": ("attack.execution",)}, "ATT&CK"),
        ({"falsepositives": ()}, "fałszywych"),
        ({"description": ""}, "opisu"),
    ],
)
def test_a_rule_tells_its_technique_and_when_it_is_nothing_bad(change: dict[str, Any], said: str) -> None:
    for whole in (RuleSet([replace(RULESET.rules[0], **change)], []), RuleSet([], [], correlations=[_changed(change)])):
        (fault,) = own_faults(whole, [])
        assert said in fault.message


def _changed(change: dict[str, Any]) -> Correlation:
    return replace(RULESET.correlations[0], **change)


@pytest.mark.parametrize("rule", RULESET.rules, ids=_stem)
def test_a_rule_matches_its_events_and_leaves_the_others(rule: Rule) -> None:
    assert check_rule(rule, events_folder(Path(rule.source_file))) == []


@pytest.mark.parametrize("correlation", RULESET.correlations, ids=_stem)
def test_a_correlation_matches_its_scenes_and_leaves_the_others(correlation: Correlation) -> None:
    assert check_correlation(RULESET, correlation, events_folder(Path(correlation.source_file))) == []


def test_no_events_are_left_without_their_rule() -> None:
    content: tuple[Rule | Correlation, ...] = (*RULESET.rules, *RULESET.correlations)
    owners = {events_folder(Path(one.source_file)) for one in content}
    folders = {file.parent for file in EVENTS.rglob("*.ndjson")}
    assert folders - owners == set()


def test_a_tool_raises_the_rule_for_scanners_or_the_one_for_break_in_tools() -> None:
    rules = {Path(rule.source_file).stem: rule for rule in RULESET.rules}
    pair = [rules[f"proc_creation_windows_{name}"] for name in ("network_scanner", "attack_tool")]
    names = [
        {str(atom.wanted) for atom in atoms(rule.node) if atom.field in ("Image", "OriginalFileName")} for rule in pair
    ]
    assert all(len(found) > 20 for found in names)
    assert {name.lstrip("\\") for name in names[0]} & {name.lstrip("\\") for name in names[1]} == set()
    for rule, other in (pair, pair[::-1]):
        lines = events_file(events_folder(Path(rule.source_file)), "match").read_bytes().splitlines()
        engine = Engine(RuleSet([other], []))
        assert [line for line in lines if line.strip() and engine.match(normalise(line, SOURCE))] == []

"""Every shipped rule against its own events, card and source; the content lies beside this file."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.detect import Engine, Rule, load_rules
from appliance.detect.own import own_faults
from appliance.detect.selftest import EVENTS, SIGMA, check_rule, events_folder

RULESET = load_rules([SIGMA])


def test_all_own_rules_are_sound_fed_and_have_cards_and_events() -> None:
    assert RULESET.faults == []
    assert own_faults(RULESET, Engine(RULESET).unfed) == []
    assert len(RULESET.rules) >= 40


@pytest.mark.parametrize("rule", RULESET.rules, ids=lambda rule: Path(rule.source_file).stem)
def test_a_rule_matches_its_events_and_leaves_the_others(rule: Rule) -> None:
    assert check_rule(rule, events_folder(Path(rule.source_file))) == []


def test_no_events_are_left_without_their_rule() -> None:
    owners = {events_folder(Path(rule.source_file)) for rule in RULESET.rules}
    folders = {file.parent for file in EVENTS.rglob("*.ndjson")}
    assert folders - owners == set()

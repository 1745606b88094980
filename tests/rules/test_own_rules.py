"""Every shipped rule and correlation against its own events, card and source; the content lies beside this file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance.detect import Engine, Rule, RuleSet, load_rules
from appliance.detect.correlation import Correlation
from appliance.detect.correlation.selftest import check_correlation
from appliance.detect.model import LEVELS
from appliance.detect.nodes import atoms
from appliance.detect.own import own_faults
from appliance.detect.selftest import CORRELATIONS, EVENTS, SIGMA, SOURCE, check_rule, events_file, events_folder
from appliance.normalise import normalise

RULESET = load_rules([SIGMA, CORRELATIONS])
#: The line of a level with its reason, and the sentence of a description that gives it.
LEVEL_LINE = re.compile(r"level:\s*(?P<level>\w+)\s*(#(?P<reason>.*))?")
LEVEL_SENTENCE = re.compile(r"\bLevel (?P<level>\w+)(?P<reason>[^.]*)")
#: Fewer words give no reason.
REASON_WORDS = 4


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


def test_a_level_has_its_reason_and_a_description_names_no_other_level() -> None:
    faults: list[str] = []
    content: tuple[Rule | Correlation, ...] = (*RULESET.rules, *RULESET.correlations)
    for one in content:
        lines = Path(one.source_file).read_text(encoding="utf-8").splitlines()
        faults.extend(_level_faults(one, lines))
    assert faults == []


@pytest.mark.parametrize(
    ("level_line", "description", "said"),
    [
        ("level: low", "Keys are listed.", "no reason"),
        ("level: low  # it is everyday", "Keys are listed.", "no reason"),
        ("level: low", "Keys are listed. Level low.", "no reason"),
        ("level: low", "Keys are listed. Level high, because nobody needs them.", "another level"),
        ("level: low  # the office lists them daily", "Keys are listed. Level high, because rare.", "another level"),
        ("level: low  # the office lists them daily", "Keys are listed.", ""),
        ("level: low", "Keys are listed. Level low, because backups do so.", ""),
    ],
)
def test_a_level_without_reason_is_found(level_line: str, description: str, said: str) -> None:
    rule = replace(RULESET.rules[0], level=LEVELS.index("low"), description=description, line=1, source_file="keys.yml")
    found = " ".join(_level_faults(rule, ["title: Keys", level_line]))
    assert (found.startswith("keys.yml:2: ") and said in found) if said else found == ""


def _level_faults(one: Rule | Correlation, lines: Sequence[str]) -> Iterator[str]:
    number, line = _level_line(one, lines)
    sentences = list(LEVEL_SENTENCE.finditer(one.description))
    if any(sentence["level"] != one.level_name for sentence in sentences):
        yield f"{one.source_file}:{number}: the description names another level"
    elif not any(_is_reason(found["reason"]) for found in (line, *sentences)):
        yield f"{one.source_file}:{number}: no reason for the level, neither beside it nor in the description"


def _level_line(one: Rule | Correlation, lines: Sequence[str]) -> tuple[int, re.Match[str]]:
    for number, text in enumerate(lines, 1):
        found = LEVEL_LINE.fullmatch(text)
        if number >= one.line and found and found["level"] == one.level_name:
            return number, found
    raise AssertionError(f"{one.source_file}:{one.line}: no line of its own with the level")


def _is_reason(words: str | None) -> bool:
    return len(re.findall(r"\w+", words or "")) >= REASON_WORDS


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

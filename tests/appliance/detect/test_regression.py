"""SigmaHQ's layout of regression cases, also where it is broken or hostile."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from appliance.detect import Rule
from appliance.detect.parse import parse_file
from appliance.detect.regression import check_regression, info_of
from tests.appliance.cli.test_detect import FLAT, RULE, SYSMON

NAMED = "regression_data/rules/case/info.yml"
INFO = """id: 22222222-2222-4222-8222-222222222222
rule_metadata:
  - id: 11111111-1111-4111-8111-111111111111
regression_tests_info:
  - name: Positive Detection Test
    type: json
    match_count: {count}
    path: {path}
"""
EVENTS = "regression_data/rules/case/events.json"


def rule_at(root: Path, named: str = NAMED) -> Rule:
    file = root / "rules" / "windows" / "rule.yml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{RULE}regression_tests_path: {named}\n", encoding="utf-8")
    return parse_file(str(file), file.read_bytes()).rules[0]


def info(root: Path, text: str) -> Path:
    file = root / NAMED
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    (root / EVENTS).write_bytes(orjson.dumps(FLAT) + b"\n" + orjson.dumps(SYSMON) + b"\n" + orjson.dumps(FLAT))
    return file


def failures(root: Path, text: str) -> list[str]:
    rule = rule_at(root)
    found = info_of(rule) or info(root, text)
    return [f"{failure.line}: {failure.message}" for failure in check_regression(rule, found)]


@pytest.mark.parametrize(("count", "good"), [(1, True), (2, True), (3, False), (0, False)])
def test_a_count_is_the_least_and_nothing_means_none(tmp_path: Path, count: int, good: bool) -> None:
    found = failures(tmp_path, INFO.format(count=count, path=EVENTS))
    assert (found == []) is good
    assert all(text.startswith("5: reguła „Encoded PowerShell” wykrywa") for text in found)


def test_the_file_is_looked_for_from_the_rule_upwards(tmp_path: Path) -> None:
    file = info(tmp_path, INFO.format(count=1, path=EVENTS))
    assert info_of(rule_at(tmp_path)) == file.resolve()
    assert info_of(rule_at(tmp_path, "regression_data/none/info.yml")) is None


def test_a_path_that_leads_out_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside.yml"
    outside.write_text("x: 1", encoding="utf-8")
    assert info_of(rule_at(tmp_path / "release", "../outside.yml")) is None
    assert info_of(rule_at(tmp_path / "release", str(outside))) is None
    assert info_of(rule_at(tmp_path / "release", "regression_data/../../outside.yml")) is None
    (tmp_path / "secret.json").write_text("{}", encoding="utf-8")
    found = failures(tmp_path / "release", INFO.format(count=1, path="../secret.json"))
    assert len(found) == 1
    assert found[0].startswith("5: nie ma pliku ../secret.json")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [", 1),
        ("- 1\n", 1),
        ("regression_tests_info: {}\n", 1),
        ("id: x\nregression_tests_info: [1]\n", 2),
        (f"id: x\nregression_tests_info:\n  - {{path: {EVENTS}, match_count: many}}\n", 3),
        ("id: x\nregression_tests_info:\n  - path: regression_data/gone.json\n", 3),
    ],
)
def test_a_broken_description_is_located(tmp_path: Path, text: str, line: int) -> None:
    found = failures(tmp_path, text)
    assert len(found) == 1
    assert found[0].startswith(f"{line}: ")

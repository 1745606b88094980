"""Which rules an exception is for, and that its Sigma filters act on these and no others."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from appliance.detect import Engine, Logsource, Rule, RuleSet
from appliance.rulesets.conditions import Condition, How
from appliance.rulesets.filters import narrowed
from appliance.rulesets.scope import Scope, document, widths
from tests.appliance.rulesets import kit

FILE_EVENT = kit.rule_text(3).replace("process_creation", "file_event").replace("Image|", "TargetFilename|")


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> list[Rule]:
    folder: Path = tmp_path_factory.mktemp("rules")
    kit.write(folder, {"1.yml": kit.rule_text(1), "2.yml": kit.rule_text(2), "3.yml": FILE_EVENT})
    return kit.ruleset(folder).rules


def text(scope: Scope) -> str:
    condition = Condition("user.name", How.IS, "www-data")
    return document(
        identity=kit.uuid(9), title="t", description="d", author="a", scope=scope, conditions=[condition]
    )  # fmt: skip


def found(rules: list[Rule], scope: Scope) -> list[str]:
    """Return the titles of the rules that still find a process of the account."""
    less, faults = narrowed(rules, {"f": text(scope)})
    assert faults == []
    return [rule.title for rule in Engine(RuleSet(less, [])).match(kit.started())]


def test_rules_that_are_named_leave_it_alone_and_no_others(rules: list[Rule]) -> None:
    assert found(rules, Scope.of([], Logsource("windows"))) == ["Rule 1", "Rule 2"]
    assert found(rules, Scope.of(rules[:1], None)) == ["Rule 2"]
    assert found(rules, Scope.of(rules[:2], None)) == []


def test_a_rule_that_is_gone_takes_no_other_out_of_the_exception(rules: list[Rule]) -> None:
    assert found(rules[1:], Scope.of(rules, None)) == []


def test_a_log_source_has_a_filter_of_its_own(rules: list[Rule]) -> None:
    first, second = yaml.safe_load_all(text(Scope.of(rules, None)))
    assert (first["id"], first["logsource"]) == (kit.uuid(9), {"product": "linux", "category": "process_creation"})
    assert first["filter"]["rules"] == [kit.uuid(1), kit.uuid(2)]
    assert (second["logsource"]["category"], second["filter"]["rules"]) == ("file_event", [kit.uuid(3)])
    assert second["id"] != first["id"]


@pytest.mark.parametrize("wide", [Logsource("linux"), Logsource("linux", "process_creation")])
def test_every_rule_of_a_log_source_leaves_it_alone(rules: list[Rule], wide: Logsource) -> None:
    assert found(rules, Scope.of(rules, wide)) == []
    assert yaml.safe_load(text(Scope.of(rules, wide)))["filter"]["rules"] == "any"
    assert found(rules, Scope.of(rules, Logsource("linux", "file_event"))) == ["Rule 1", "Rule 2"]


def test_every_rule_is_one_of_the_log_source_or_of_its_product() -> None:
    narrow = Logsource("linux", "process_creation")
    assert widths(narrow) == [narrow, Logsource("linux")]
    assert widths(Logsource("linux")) == [Logsource("linux")]
    assert widths(Logsource(category="dns")) == [Logsource(category="dns")]

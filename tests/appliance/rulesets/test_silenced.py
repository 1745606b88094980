"""An exception that leaves a rule nothing to find is told from one that leaves it something."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.detect import Rule
from appliance.rulesets.conditions import Condition, How
from appliance.rulesets.filters import narrowed
from appliance.rulesets.scope import Scope, document
from appliance.rulesets.silenced import silenced
from tests.appliance.rulesets import kit


def less(rule: Rule, *conditions: Condition) -> Rule:
    text = document(
        identity=kit.uuid(9), title="t", description="d", author="a", scope=Scope.of([rule], None),
        conditions=conditions,
    )  # fmt: skip
    (after,), faults = narrowed([rule], {"f": text})
    assert faults == []
    return after


@pytest.mark.parametrize(
    ("condition", "all_of_it"),
    [
        (Condition("Image", How.ENDS, "/sh"), True),
        (Condition("Image", How.ENDS, "/SH"), True),
        (Condition("Image", How.CONTAINS, "/sh"), True),
        (Condition("Image", How.ENDS, "/bin/sh"), False),
        (Condition("Image", How.STARTS, "/opt/ezd"), False),
        (Condition("user.name", How.IS, "www-data"), False),
    ],
)
def test_a_rule_that_could_find_nothing_any_more(tmp_path: Path, condition: Condition, all_of_it: bool) -> None:
    rule = kit.one_rule(tmp_path, kit.rule_text(1))
    assert silenced(rule, less(rule, condition)) is all_of_it
    both = less(rule, condition, Condition("host.name", How.IS, "srv-1"))
    assert silenced(rule, both) is False


def test_a_rule_that_never_found_anything_is_not_silenced(tmp_path: Path) -> None:
    text = kit.rule_text(1).replace("condition: selection", "condition: selection and not selection")
    rule = kit.one_rule(tmp_path, text)
    assert not silenced(rule, rule)
    assert not silenced(rule, less(rule, Condition("Image", How.ENDS, "/sh")))

"""The policy file: what it turns off and on, and every fault in it with its line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.detect import Logsource, Rule
from appliance.detect.yamldoc import MAX_BYTES
from appliance.rulesets.policy import Off, Policy, Why, parse_policy, read_policy, unknown_ids
from tests.appliance.rulesets import kit

POLICY = """
statuses: [stable, test]
min_level: medium
disable:
  tags: [attack.discovery, attack.t1059]
  logsources:
    - {product: macos}
    - {product: windows, category: image_load}
  rules:
    a: za dużo alertów z EZD
enable:
  rules:
    b: chcemy ją mimo poziomu
levels:
  c: critical
"""


@pytest.fixture
def rule(tmp_path: Path) -> Rule:
    return kit.one_rule(tmp_path, kit.rule_text(1))


def parsed(text: str) -> Policy:
    policy, faults = parse_policy("policy.yaml", text.encode())
    assert faults == []
    return policy


def test_each_part_turns_off_what_it_says(rule: Rule) -> None:
    policy = parsed(POLICY)
    plain = replace(rule, tags=())
    assert policy.judge(plain) is None
    assert policy.judge(replace(plain, id="a")) == Off(Why.RULE, "za dużo alertów z EZD")
    assert policy.judge(replace(plain, status="experimental")) == Off(Why.STATUS, "experimental")
    assert policy.judge(replace(plain, status="")) == Off(Why.STATUS, "experimental")
    assert policy.judge(replace(plain, status="deprecated")) == Off(Why.RETIRED, "deprecated")
    assert policy.judge(replace(plain, level=1)) == Off(Why.LEVEL, "low")
    assert policy.judge(rule) == Off(Why.TAG, "attack.t1059")
    assert policy.judge(replace(plain, tags=("attack.t10591",))) is None
    source = Logsource("windows", "image_load")
    assert policy.judge(replace(plain, logsource=source)) == Off(Why.LOGSOURCE, str(source))
    assert policy.judge(replace(plain, logsource=Logsource("windows", "process_creation"))) is None
    assert policy.judge(replace(rule, id="b", level=0, status="deprecated")) is None
    assert policy.levels == {"c": 4}


def test_nothing_said_leaves_all_on_that_is_not_retired(rule: Rule, tmp_path: Path) -> None:
    for policy in (Policy(), parsed(""), parsed("{}"), parsed("disable:\n"), read_policy(tmp_path / "none.yaml")[0]):
        assert policy.judge(replace(rule, level=0, status="experimental")) is None
        assert policy.judge(replace(rule, status="unsupported")) == Off(Why.RETIRED, "unsupported")


FAULTS = {
    "a: [\n": 1,
    "- a\n": 1,
    "statuses: stable\n": 1,
    "statuses:\n  - nowe\n": 1,
    "min_level: wysoki\n": 1,
    "\nnonsense: 1\n": 2,
    "disable: [a]\n": 1,
    "disable:\n  rule: x\n": 2,
    "disable:\n  rules:\n    a: ''\n": 3,
    "disable:\n  rules: [a]\n": 2,
    "disable:\n  tags: [1]\n": 2,
    "disable:\n  logsources:\n    - {os: linux}\n": 2,
    "disable:\n  logsources: linux\n": 2,
    "enable:\n  tags: [a]\n": 1,
    "disable:\n  rules: {a: x}\nenable:\n  rules: {a: x}\n": 2,
    "levels:\n  a: loud\n": 2,
    "levels: [a]\n": 1,
    "min_level: low\nmin_level: high\n": 2,
    "a: 1\n---\nb: 2\n": 3,
    "x: &a 1\ny: *a\n": 2,
}


@pytest.mark.parametrize("text", FAULTS)
def test_a_fault_is_told_with_its_line(text: str) -> None:
    _, faults = parse_policy("policy.yaml", text.encode())
    assert FAULTS[text] in [fault.line for fault in faults], faults


def test_all_faults_are_told_at_once() -> None:
    _, faults = parse_policy("p", b"statuses: [x, y]\nmin_level: z\nnew: 1\nlevels: {a: b}\n")
    assert len(faults) == 5


def test_a_policy_past_its_size_or_of_other_signs_is_refused() -> None:
    assert "bajtów" in parse_policy("p", b"#" * (MAX_BYTES + 1))[1][0].message
    assert parse_policy("p", b"a: 1\nb: \xff")[1][0].line == 2
    assert parse_policy("p", ("{a: " * 100).encode())[1]


def test_an_id_that_nobody_has_is_told_and_does_no_harm() -> None:
    faults = unknown_ids("p", parsed(POLICY), frozenset({"a", "c"}))
    assert [(fault.line, "b" in fault.message) for fault in faults] == [(13, True)]


_leaf = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["low", "stable", "attack.x"])
_tree = st.recursive(_leaf, lambda one: st.lists(one, max_size=3) | st.dictionaries(
    st.sampled_from(["statuses", "min_level", "disable", "enable", "levels", "rules", "tags", "logsources", "product"])
    | st.text(max_size=4) | st.integers(), one, max_size=4), max_leaves=12)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(document=_tree)
def test_whatever_stands_in_it_is_a_policy_or_faults(document: object) -> None:
    policy, faults = parse_policy("p", yaml.safe_dump(document, allow_unicode=True).encode("utf-8", "surrogatepass"))
    assert isinstance(policy, Policy)
    assert all(fault.line >= 1 and fault.message for fault in faults)


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=200))
def test_any_bytes_are_a_policy_or_faults(content: bytes) -> None:
    policy, _ = parse_policy("p", content)
    assert isinstance(policy, Policy)

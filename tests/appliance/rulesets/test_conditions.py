"""What an exception may say, and that its filter means exactly that."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from appliance.detect import Engine, Rule, RuleSet
from appliance.rulesets.conditions import (
    MAX_CONDITIONS,
    MAX_REGEX,
    MAX_VALUE,
    Condition,
    How,
    TooWide,
    checked,
    load_conditions,
    narrow,
)
from appliance.rulesets.filters import narrowed
from appliance.rulesets.scope import Scope, document
from tests.appliance.rulesets import kit


@pytest.fixture(scope="module")
def rule(tmp_path_factory: pytest.TempPathFactory) -> Rule:
    return kit.one_rule(tmp_path_factory.mktemp("rules"), kit.rule_text(1))


def hidden(rule: Rule, conditions: list[Condition], **values: str | int | tuple[str, ...]) -> bool:
    text = document(
        identity=kit.uuid(9), title="t", description="d", author="a", scope=Scope.of([rule], None),
        conditions=checked(conditions),
    )  # fmt: skip
    rules, faults = narrowed([rule], {"f": text})
    assert faults == []
    event = kit.started(**values)
    assert Engine(RuleSet([rule], [])).match(event)
    return not Engine(RuleSet(rules, [])).match(event)


def is_(field: str, value: str, how: How = How.IS) -> Condition:
    return Condition(field, how, value)


WIDE = {
    "no_condition": [],
    "too_many": [is_(f"a.f{n}", "abc") for n in range(MAX_CONDITIONS + 1)],
    "twice": [is_("a.b", "x"), is_("a.b", "y"), is_("a.b", "x")],
    "only_common": [is_("event.module", "linux.audit"), is_("EventID", "1")],
    "bad_field": [is_("a b", "x")],
    "no_value": [is_("a.b", " ")],
    "bad_network": [is_("source.ip", "10.0.0.0/99", How.NETWORK)],
    "wide_network": [is_("source.ip", "0.0.0.0/0", How.NETWORK)],
    "short_value": [is_("a.b", "a", How.CONTAINS)],
    "long_regex": [is_("a.b", "x" * (MAX_REGEX + 1), How.REGEX)],
    "bad_regex": [is_("a.b", "(abc", How.REGEX)],
    "wide_regex": [is_("a.b", "^.*$", How.REGEX)],
}


@pytest.mark.parametrize("code", WIDE)
def test_what_would_hide_more_than_it_says_is_refused(code: str) -> None:
    with pytest.raises(TooWide) as caught:
        checked(WIDE[code])
    assert caught.value.code == code


@pytest.mark.parametrize("value", ["*", "**", "*.*", "\\", "C:\\", "/", "..."])
def test_a_part_that_says_next_to_nothing_is_refused(value: str) -> None:
    for how in (How.STARTS, How.ENDS, How.CONTAINS):
        with pytest.raises(TooWide):
            checked([is_("process.command_line", value, how)])


@pytest.mark.parametrize(
    "value", [".*", "a.c", "(abcd|.)", "abc?", "[a-z]{3,}", r"(?=abc)abc", r"(abc)\1", r"\.exe|x", ""]
)
def test_an_expression_that_says_next_to_nothing_or_may_cost_much_is_refused(value: str) -> None:
    with pytest.raises(TooWide):
        checked([is_("process.command_line", value, How.REGEX)])


@pytest.mark.parametrize(
    ("condition", "alone"),
    [
        (is_("source.ip", "10.1.2.3"), True),
        (is_("source.ip", "10.1.2.0/24", How.NETWORK), True),
        (is_("source.ip", "10.1.0.0/23", How.NETWORK), False),
        (is_("source.ip", "2001:db8::/64", How.NETWORK), True),
        (is_("source.ip", "2001:db8::/63", How.NETWORK), False),
        (is_("process.command_line", "ezd-job.", How.CONTAINS), False),
        (is_("process.command_line", "ezd-jobs", How.CONTAINS), True),
        (is_("process.command_line", r"ezd-jobs \d+", How.REGEX), True),
        (is_("process.command_line", r"ezd|veeam-agent", How.REGEX), False),
        (is_("host.name", "srv-ezd-01"), False),
        (is_("Computer", "srv-ezd-01"), False),
        (is_("event.code", "4688"), False),
        (is_("user.name", "ez"), False),
    ],
)
def test_what_tells_by_itself_what_is_meant(condition: Condition, alone: bool) -> None:
    assert narrow([condition]) is alone
    assert narrow([condition, is_("host.name", "srv-ezd-01")]) is alone
    # Of several values one is enough, so all must tell.
    assert not narrow([condition, replace(condition, value="10.0.0.0/8" if condition.how is How.NETWORK else "a")])


def test_bounds_are_tested_past() -> None:
    assert checked([is_("a.b", "x" * MAX_VALUE)])
    with pytest.raises(TooWide):
        checked([is_("a.b", "x" * (MAX_VALUE + 1))])
    assert checked([is_("source.ip", "10.1.0.0/16", How.NETWORK), is_("a.b", "2001:db8::/48", How.NETWORK)])
    with pytest.raises(TooWide):
        checked([is_("source.ip", "2001:db8::/47", How.NETWORK)])
    with pytest.raises(ValueError, match="loud"):
        load_conditions([{"field": "a", "how": "loud", "value": "x"}])


def test_all_conditions_must_hold(rule: Rule) -> None:
    both = [is_("user.name", "www-data"), is_("host.name", "srv-1")]
    assert hidden(rule, both)
    assert not hidden(rule, both, **{"host.name": "srv-2"})
    assert not hidden(rule, both, **{"user.name": "www-data2"})
    assert hidden(rule, [is_("User", "WWW-DATA")])


@pytest.mark.parametrize(
    ("how", "value", "yes", "no"),
    [
        (How.STARTS, "sh -c *", "sh -c *.txt", "sh -c a.txt"),
        (How.ENDS, "?.txt", "sh a?.txt", "sh ab.txt"),
        (How.CONTAINS, "a\\*b", "sh a\\*b", "sh a\\xb"),
        (How.IS, "\\\\srv\\dir\\", "\\\\srv\\dir\\", "\\srv\\dir\\"),
        (How.IS, "%admins%", "%admins%", "x"),
        (How.IS, "-", "-", ""),
    ],
)
def test_every_sign_stands_for_itself(rule: Rule, how: How, value: str, yes: str, no: str) -> None:
    assert hidden(rule, [is_("process.command_line", value, how)], **{"process.command_line": yes})
    assert not hidden(rule, [is_("process.command_line", value, how)], **{"process.command_line": no})


def test_a_network_and_a_number(rule: Rule) -> None:
    assert hidden(rule, [is_("source.ip", "10.1.0.0/16", How.NETWORK)], **{"source.ip": "10.1.2.3"})
    assert not hidden(rule, [is_("source.ip", "10.1.0.0/16", How.NETWORK)], **{"source.ip": "10.2.2.3"})
    assert hidden(rule, [is_("process.pid", "17")], **{"process.pid": 17})
    assert not hidden(rule, [is_("process.pid", "17")], **{"process.pid": 170})


def test_an_expression(rule: Rule) -> None:
    wanted = [is_("process.command_line", r"^SH -c '[a-z]{2}'$", How.REGEX)]
    assert hidden(rule, wanted)
    assert not hidden(rule, wanted, **{"process.command_line": "sh -c 'id' x"})
    either = [*wanted, is_("process.command_line", r"who.mi\b", How.REGEX)]
    assert hidden(rule, either, **{"process.command_line": "sh -c whoami"})


def test_a_field_that_is_not_there_hides_nothing(rule: Rule) -> None:
    assert not hidden(rule, [is_("file.path", "/etc/passwd")])


TEXT = st.text(
    st.sampled_from("ab*?\\ %/-'\"żK") | st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]),
    min_size=1,
    max_size=12,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=TEXT, other=TEXT)
def test_an_exception_hides_the_very_value_and_no_other(rule: Rule, value: str, other: str) -> None:
    assume(value.strip() and value.casefold() != other.casefold() and value.lower() != other.lower())
    condition = [is_("process.command_line", value)]
    assert hidden(rule, condition, **{"process.command_line": value})
    assert not hidden(rule, condition, **{"process.command_line": other})


def test_the_document_is_a_filter_of_sigma(rule: Rule, tmp_path: Path) -> None:
    text = document(
        identity=kit.uuid(9), title="t", description="d", author="a", scope=Scope.of([rule], None),
        conditions=[is_("User", "a*"), is_("Image", "/x/y", How.ENDS)],
    )  # fmt: skip
    said = yaml.safe_load(text)
    assert said["filter"] == {
        "rules": [rule.id],
        "selection": {"User": "a\\*", "Image|endswith": "/x/y"},
        "condition": "not selection",
    }

"""Correlations under the policy: what they need stays, what is switched off by name does not."""

from __future__ import annotations

from pathlib import Path

from appliance.detect.correlation.correlator import Correlator
from appliance.home import Home
from appliance.rulesets import ActiveRules, Why, active_rules
from appliance.rulesets.content import whole
from appliance.settings import RuleSettings, Settings
from tests.appliance.rulesets import kit

BASE, MANY, CHAIN, ALONE = 1, 11, 12, 2


def correlation_text(number: int, base: int, **more: str) -> str:
    values = {"title": f"Correlation {number}", "status": "stable", "level": "high"} | more
    generate = values.pop("generate", "false")
    lines = "\n".join(f"{key}: {value}" for key, value in values.items())
    return f"""{lines}
id: {kit.uuid(number)}
author: Ala
correlation:
  type: event_count
  rules: [{kit.uuid(base)}]
  group-by: [host.name]
  timespan: 5m
  condition: {{gte: 3}}
  generate: {generate}
"""


def office(home: Home, policy: str = "", **texts: str) -> ActiveRules:
    """Return what is in force with a base, another rule, and two correlations on top of each other."""
    files = {
        "base": kit.rule_text(BASE, level="low"),
        "alone": kit.rule_text(ALONE, level="low"),
        "many": correlation_text(MANY, BASE, generate="true"),
        "chain": correlation_text(CHAIN, MANY),
    } | texts
    kit.write(home.rules, {f"{name}.yml": text for name, text in files.items()})
    home.policy.write_text(policy)
    return active_rules(home, Settings())


def on(rules: ActiveRules) -> dict[int, int]:
    """Return the numbers of what is in force and their levels."""
    return {int(one.id[-3:]): one.level for one in whole(rules) if one.author == "Ala"}


def off(rules: ActiveRules) -> dict[int, Why | None]:
    return {int(one.rule.id[-3:]): one.off.why if one.off else None for one in rules.listed if one.rule.author == "Ala"}


def test_without_a_policy_all_are_on_and_listed(home: Home) -> None:
    rules = office(home)
    assert on(rules) == {BASE: 1, ALONE: 1, MANY: 3, CHAIN: 3}
    assert off(rules) == dict.fromkeys((BASE, ALONE, MANY, CHAIN))
    assert {one.origin.kind.value for one in rules.listed if one.rule.author == "Ala"} == {"office"}
    assert rules.faults == []


def test_a_base_that_is_off_for_its_kind_feeds_its_correlation_silently(home: Home) -> None:
    for policy in (
        "min_level: medium\n",
        "disable: {tags: [attack.t1059]}\n",
        "disable: {logsources: [{product: linux}]}\n",
    ):
        rules = office(home, policy)
        assert on(rules) == {BASE: 0, MANY: 3, CHAIN: 3}, policy
        assert off(rules)[BASE] is off(rules)[ALONE] is not None
        # `generate: true` of the correlation would have the rule give alerts, which the office does not want.
        assert Correlator(rules).silent(kit.uuid(BASE))
        assert rules.faults == []
    rules = office(home, "statuses: [stable]\n", base=kit.rule_text(BASE, status="deprecated"))
    assert (on(rules)[BASE], off(rules)[BASE]) == (0, Why.RETIRED)


def test_a_base_that_is_switched_off_by_name_takes_its_correlations_along(home: Home) -> None:
    rules = office(home, f"disable: {{rules: {{{kit.uuid(BASE)}: too loud}}}}\n")
    assert on(rules) == {ALONE: 1}
    assert off(rules) == {BASE: Why.RULE, ALONE: None, MANY: Why.BASE, CHAIN: Why.BASE}
    assert [one.off and one.off.detail for one in rules.listed if one.rule.id == kit.uuid(MANY)] == ["Rule 1"]
    assert rules.faults == []


def test_correlations_are_judged_like_rules(home: Home) -> None:
    rules = office(home, "min_level: high\n", chain=correlation_text(CHAIN, MANY, level="medium"))
    assert (on(rules), off(rules)[CHAIN]) == ({BASE: 0, MANY: 3}, Why.LEVEL)
    rules = office(home, "min_level: high\n", many=correlation_text(MANY, BASE, level="medium"))
    assert (on(rules), off(rules)[MANY]) == ({BASE: 0, MANY: 0, CHAIN: 3}, Why.LEVEL)
    text = f"min_level: high\ndisable: {{rules: {{{kit.uuid(CHAIN)}: loud}}}}\nlevels: {{{kit.uuid(MANY)}: critical}}\n"
    rules = office(home, text)
    assert (on(rules), off(rules)[CHAIN]) == ({BASE: 0, MANY: 4}, Why.RULE)
    assert rules.faults == []


def test_a_correlation_stays_while_its_file_or_that_of_its_base_is_broken(home: Home) -> None:
    before = office(home)
    text = (home.rules / "base.yml").read_text()
    (home.rules / "base.yml").write_text(text.replace("endswith", "endswiht"))
    after = active_rules(home, Settings(), before=before)
    assert on(after) == on(before)
    assert {one.rule.id for one in after.listed if one.former} == {kit.uuid(n) for n in (BASE, MANY, CHAIN)}
    (home.rules / "base.yml").unlink()
    gone = active_rules(home, Settings(), before=after)
    assert on(gone) == {ALONE: 1}
    assert off(gone) == {ALONE: None}
    assert gone.faults


def test_a_correlation_of_the_office_replaces_another(home: Home, tmp_path: Path) -> None:
    folder = kit.write(tmp_path / "more", {"11.yml": correlation_text(MANY, BASE, title="Theirs")})
    office(home)
    rules = active_rules(home, Settings(rules=RuleSettings(folders=[folder])))
    assert on(rules)[MANY] == 3
    assert [one.rule.title for one in rules.listed if one.off and one.off.why is Why.REPLACED] == ["Theirs"]


def test_a_release_brings_its_correlations(home: Home, tmp_path: Path) -> None:
    files = {"rules/1.yml": kit.rule_text(BASE), "rules/11.yml": correlation_text(MANY, BASE)}
    draft = kit.take_release(home, kit.write(tmp_path / "one", files))
    assert draft.installed.rules == 2
    assert on(active_rules(home, Settings())) == {BASE: 3, MANY: 3}


def test_what_serves_correlations_is_at_work_and_says_for_which(home: Home) -> None:
    for policy, silent in (("", {MANY}), ("min_level: medium\n", {BASE, MANY})):
        rules = office(home, policy)
        listed = {int(one.rule.id[-3:]): one for one in rules.listed if one.rule.author == "Ala"}
        assert listed[BASE].serves == (kit.uuid(MANY),)
        assert listed[MANY].serves == (kit.uuid(CHAIN),)
        assert listed[CHAIN].serves == listed[ALONE].serves == ()
        # `generate: true` of the first correlation leaves its rule its own alerts, unless the policy takes them.
        assert {number for number, one in listed.items() if one.silent} == silent, policy
        assert listed[BASE].at_work
        assert listed[ALONE].at_work is (policy == "")
        assert {number for number in listed if Correlator(rules).silent(kit.uuid(number))} == silent


def test_a_rule_whose_correlation_is_off_serves_nobody(home: Home) -> None:
    rules = office(home, f"disable: {{rules: {{{kit.uuid(MANY)}: loud}}}}\n")
    listed = {int(one.rule.id[-3:]): one for one in rules.listed if one.rule.author == "Ala"}
    assert not any(one.serves or one.silent for one in listed.values())

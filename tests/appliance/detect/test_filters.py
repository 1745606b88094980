"""Filters: read with located faults, and joined to the rules that they name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from appliance.detect import Engine, RuleSet, load_rules
from appliance.detect.filters import apply_filters, covers
from appliance.detect.model import Logsource
from tests.appliance.detect.kit import ID, ROUTES, document, parse, same, write

RULES = document("sel: {a: x}\ncondition: sel") + "name: first\n---\n" + document("sel: {b: x}\ncondition: sel", 2)
TEXT = """title: Known scanner
id: 22222222-0000-4000-8000-000000000000
description: The scanner of the office
author: Jan
logsource:
  product: test
approver: Anna
expires: 2026-12-31
filter:
  rules: {rules}
  scanner:
    host: scan1
  condition: not scanner
"""


def hits(rules: list[Any], **event: str) -> list[str]:
    engine = Engine(RuleSet(rules, []), routes=ROUTES, resolver_factory=same)
    return [rule.title for rule in engine.match({"event.module": "test", **event})]


def test_what_a_filter_says() -> None:
    one = parse(TEXT.format(rules=f"[{ID.format(1)}, first]")).filters[0]
    assert (one.title, one.author, one.line) == ("Known scanner", "Jan", 1)
    assert one.rules == (ID.format(1), "first")
    assert one.logsource == Logsource("test")
    assert {key: str(value) for key, value in one.custom.items()} == {"approver": "Anna", "expires": "2026-12-31"}
    assert parse(TEXT.format(rules="any")).filters[0].rules is None


@pytest.mark.parametrize(
    ("rules", "filtered"),
    [("any", {1, 2}), ("Any", {1, 2}), (ID.format(2), {2}), (f"[{ID.format(1).upper()}]", {1}), ("[first]", {1})],
)
def test_a_filter_acts_on_the_rules_it_names(rules: str, filtered: set[int]) -> None:
    parsed = parse(RULES + "---\n" + TEXT.format(rules=rules))
    found, faults = apply_filters(parsed.rules, parsed.filters)
    assert (parsed.faults, faults) == ([], [])
    for number, field in ((1, "a"), (2, "b")):
        assert hits(found, **{field: "x", "host": "pc"}) == [f"Rule {number}"]
        assert bool(hits(found, **{field: "x", "host": "SCAN1"})) is (number not in filtered)


def test_several_filters_all_count() -> None:
    second = TEXT.replace("22222222", "33333333").replace("scan1", "scan2")
    parsed = parse(RULES + "---\n" + TEXT.format(rules="any") + "---\n" + second.format(rules="any"))
    found, _ = apply_filters(parsed.rules, parsed.filters)
    assert [hits(found, a="x", host=host) for host in ("scan1", "scan2", "scan3")] == [[], [], ["Rule 1"]]


def test_a_filter_of_another_log_source_is_said_and_does_nothing() -> None:
    parsed = parse(RULES + "---\n" + TEXT.format(rules="[first]").replace("product: test", "category: other"))
    found, faults = apply_filters(parsed.rules, parsed.filters)
    assert found == parsed.rules
    assert [("category other" in fault.message, fault.line) for fault in faults] == [(True, 18)]


def test_a_wide_filter_takes_in_narrow_rules() -> None:
    narrow = Logsource("windows", "process_creation", "sysmon")
    assert all(covers(wide, narrow) for wide in (Logsource("windows"), Logsource(service="sysmon"), narrow))
    assert not covers(narrow, Logsource("windows", "process_creation"))
    assert not covers(Logsource("linux"), narrow)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (("  rules: any\n", ""), 9),
        (("  rules: any\n", "  rules: []\n"), 10),
        (("  rules: any\n", "  rules: [1]\n"), 10),
        (("    host: scan1", "    host|odd: scan1"), 12),
        (("not scanner", "not scaner"), 13),
        (("  condition: not scanner\n", ""), 9),
        (("logsource:\n  product: test\n", ""), 1),
        (("title: Known scanner\n", ""), 1),
    ],
)
def test_what_is_wrong_with_a_filter_is_located(change: tuple[str, str], line: int) -> None:
    parsed = parse(TEXT.format(rules="any").replace(*change))
    assert parsed.filters == []
    assert [fault.line for fault in parsed.faults] == [line]


def test_a_filter_has_the_name_of_its_file_and_survives_the_cache(tmp_path: Path) -> None:
    write(tmp_path, "rules/a.yml", RULES)
    file = write(tmp_path, "rules/f.yml", TEXT.format(rules="[first, gone]").replace("scan1", "'%scanners%'"))
    file.write_text(file.read_text().replace("host:", "host|expand:"))
    for _ in range(2):
        ruleset = load_rules([tmp_path / "rules"], tmp_path / "cache", lists={"scanners": ("scan1",)})
        assert [(one.source_file, one.placeholders) for one in ruleset.filters] == [(str(file), ("scanners",))]
        assert [(fault.file, "gone" in fault.message) for fault in ruleset.faults] == [(str(file), True)]
        assert [hits(ruleset.rules, a="x", host=host) for host in ("scan1", "pc")] == [[], ["Rule 1"]]
    plain = load_rules([tmp_path / "rules"], lists={"scanners": ("scan1",)}, filtered=False)
    assert hits(plain.rules, a="x", host="scan1") == ["Rule 1"]


def test_an_explanation_names_the_filter() -> None:
    parsed = parse(RULES + "---\n" + TEXT.format(rules="any"))
    found, _ = apply_filters(parsed.rules, parsed.filters)
    engine = Engine(RuleSet(found, []), routes=ROUTES, resolver_factory=same)
    tree = engine.explain(found[0], {"event.module": "test", "a": "x", "host": "scan1"})
    truths = {child.name: child.truth for child in tree.children}
    assert truths["filter: Known scanner"] is False
    assert truths["sel"] is True

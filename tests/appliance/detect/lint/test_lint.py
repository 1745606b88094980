"""Each code on a rule that deserves it, in the right line, and not on one that does not."""

from __future__ import annotations

from textwrap import dedent, indent

import pytest

from appliance.cli.rules_lint import CATALOGUE
from appliance.detect import Fault, Rule, RuleSet, field_names
from appliance.detect.correlation import Correlation
from appliance.detect.lint import LEVELS, Finding, Level, RuleText, lint
from appliance.detect.model import Filter
from appliance.detect.parse import parse_file
from appliance.detect.routes import Routes, parse_routes, shipped_routes
from appliance.detect.yamldoc import read_documents
from appliance.home import CHECKOUT
from appliance.language.catalogue import load

ID = "11111111-1111-4111-8111-1111111111{:02d}"
HEAD = """title: Rule {number}
id: {id}
status: test
date: 2026-11-22
tags: [attack.t1059]
level: high
logsource: {{product: windows, category: process_creation}}
"""
FIRST = 9
"""The line below `detection:`, when nothing of the head is left out."""


def document(detection: str, number: int = 1, /, **head: str | None) -> str:
    lines = HEAD.format(number=number, id=ID.format(number)).splitlines()
    for key, value in head.items():
        place = next(place for place, line in enumerate(lines) if line.startswith(key))
        lines[place : place + 1] = [] if value is None else [f"{key}: {value}"]
    return "\n".join([*lines, "detection:", indent(dedent(detection).strip(), "  ")]) + "\n"


def findings(*documents: str, routes: Routes | None = None) -> list[Finding]:
    rules: list[Rule] = []
    faults: list[Fault] = []
    texts: list[RuleText] = []
    filters: list[Filter] = []
    correlations: list[Correlation] = []
    for number, text in enumerate(documents):
        parsed = parse_file(f"{number}.yml", text.encode())
        rules.extend(parsed.rules)
        faults.extend(parsed.faults)
        filters.extend(parsed.filters)
        correlations.extend(parsed.correlations)
        texts.extend(RuleText(f"{number}.yml", each) for each in read_documents(text))
    ruleset = RuleSet(rules, faults, filters=filters, correlations=correlations)
    return lint(ruleset, texts, routes or shipped_routes(), field_names)


def codes(detection: str, /, **head: str | None) -> list[tuple[str, int]]:
    return [(finding.code, finding.line) for finding in findings(document(detection, 1, **head))]


BY_DETECTION = {
    "a: {Image: x}\ncondition: a and not a": [("R02", FIRST + 1)],
    "a: {Image: x}\ncondition: a or not a": [("R03", FIRST + 1)],
    "a:\n  CommandLine: u\n  Image: x\nb: {Image: y}\ncondition: a and b": [("R04", FIRST + 4)],
    "a: {Image: x}\nb: {CommandLine: u, CommandLine|exists: false}\ncondition: a or b": [("R05", FIRST + 1)],
    "a: {Image: null}\nb: {CommandLine: null}\ncondition: a and b": [("R08", FIRST + 2)],
    "a: {Image: x}\nb: {CommandLine: y}\ncondition: a": [("R10", FIRST + 1)],
    "a: {Image: x}\nsel_b: {CommandLine: y}\ncondition: a and 1 of sel_*": [],
    "a: {Image: x}\n_b: {CommandLine: y}\ncondition: all of them": [("R10", FIRST + 1)],
    "a: {Image: x, CommandLine: '*'}\ncondition: a": [("R20", FIRST)],
    "a: {Image: x, CommandLine|contains: '**'}\ncondition: a": [("R20", FIRST)],
    "a:\n  Image:\n    - y\n    - '*\\x.exe'\ncondition: a": [("R21", FIRST + 3)],
    "a: {Image: 'C:\\\\x*'}\ncondition: a": [("R21", FIRST)],
    "a: {CommandLine: 'C:\\\\x\\*'}\ncondition: a": [],
    "a: {Image: '*a*b'}\ncondition: a": [("R08", FIRST + 1)],
    "a: {Image: '*abc*b'}\ncondition: a": [],
    "a: {CommandLine|contains: 'net\\s+user'}\ncondition: a": [("R22", FIRST)],
    "a: {CommandLine|contains: '(foo|bar)'}\ncondition: a": [("R22", FIRST)],
    "a: {Image|endswith: '\\system32\\dsquery.exe'}\ncondition: a": [],
    "a: {CommandLine|re|i: 'foo\\.bar'}\ncondition: a": [("R23", FIRST)],
    "a: {CommandLine|re: '.*foo.*'}\ncondition: a": [("R23", FIRST)],
    "a: {CommandLine|re: 'foo\\s+bar'}\ncondition: a": [("R24", FIRST)],
    "a: {CommandLine|re|i: 'foo\\s+bar'}\ncondition: a": [],
    "a: {CommandLine|re: '\\d{5}'}\ncondition: a": [],
    "a: {CommandLine|contains|cased: abc}\ncondition: a": [("R25", FIRST)],
    "a:\n  CommandLine|contains:\n    - foo\n    - FOO\ncondition: a": [("R26", FIRST + 3)],
    "a:\n  CommandLine|contains|cased:\n    - foo\n    - FOO\ncondition: a": [("R25", FIRST + 2)],
    "a:\n  - Image: x\n  - CommandLine: '*'\ncondition: a": [("R20", FIRST + 2), ("R08", FIRST + 3)],
    "a: {Image: x}\ncondition: a and not 1 of b_*": [("R01", FIRST + 1)],
    "a: {Image: x}\ncondition: a": [],
    "a: {Image: abcx}\ntimeframe: 5m\ncondition: a": [("R11", FIRST + 1)],
    "a: {Image: abcx}\ntimeframe: 15\ncondition: all of them": [("R11", FIRST + 1)],
    "a: {Image: abcx}\ntimeframe: {CommandLine: abcd}\ncondition: a and timeframe": [],
    "a: {Imge: abcx}\ncondition: a": [("R12", FIRST)],
    "a: {Commandline: abcx}\ncondition: a": [("R12", FIRST)],
    "a: {PraentImage: abcx}\ncondition: a": [("R12", FIRST)],
    "a: {ParentImagee: abcx}\ncondition: a": [("R12", FIRST)],
    "a: {'Image |endswith': abcx}\ncondition: a": [("R12", FIRST)],
    "a: {Image: abcx, Payload: abcd, param1: x, process.pid: 3}\ncondition: a": [],
    "a: {Image|expand: abcx}\ncondition: a": [("R13", FIRST)],
    "a: {Image|expand: 'C:\\\\%users%'}\ncondition: a": [("R13", FIRST)],
    "a: {Image: 'C:\\Users\\*\\a.exe'}\ncondition: a": [("R28", FIRST)],
    "a: {Image: 'C:\\Users\\?\\a.exe'}\ncondition: a": [("R28", FIRST)],
    "a: {Image: 'C:\\Users\\\\*\\a.exe'}\ncondition: a": [],
    "a: {CommandLine: 'C:\\Users\\*\\a.exe'}\ncondition: a": [],
    "a: {Image|contains: „abcx”}\ncondition: a": [("R29", FIRST)],
    "a: {Image: abcx, Version: 1.0}\ncondition: a": [("R27", FIRST)],
    "a:\n  Image: abcx\n  Status:\n    - 0xC000006A\n    - '0xC000006A'\ncondition: a": [("R27", FIRST + 3)],
    "a: [abcd, 2.50, NO]\ncondition: a": [("R27", FIRST), ("R27", FIRST)],
    "a: {Image: abcx, Hour: [10:20, 010, yes, 1_000]}\ncondition: a": [("R27", FIRST)] * 4,
    "a: {Image: abcx, Size|gt: 1.0, Other|lt: 0x10}\ncondition: a": [("R27", FIRST)],
    "a: {Image: abcx, Ok: true, Not: False, Id: 4688, Part: 2.5, Low: -3}\ncondition: a": [],
    "a: {Image: abcx, Name|exists: yes, None: null}\ncondition: a": [],
    "a: {Image: abcx, Version|contains: ['1.0', '010']}\ncondition: a": [],
}


@pytest.mark.parametrize("detection", BY_DETECTION)
def test_a_habit_of_the_detection_is_found_in_its_line(detection: str) -> None:
    assert codes(detection) == BY_DETECTION[detection]


def test_an_empty_selection_cannot_be_loaded() -> None:
    assert {code for code, _ in codes("a: {}\ncondition: a")} == {"R01"}


@pytest.mark.parametrize(
    ("key", "code"), [("id", "R30"), ("level", "R31"), ("status", "R32"), ("tags", "R33"), ("date", "R34")]
)
def test_a_missing_key_is_found(key: str, code: str) -> None:
    assert codes("a: {Image: x}\ncondition: a", **{key: None}) == [(code, 1)]


def test_a_rule_without_a_source_is_found() -> None:
    assert codes("a: {x: y}\ncondition: a", logsource="{product: okta}") == [("R06", FIRST - 2)]


@pytest.mark.parametrize(
    ("further", "found"),
    [("EventID: 4624", True), ("Channel: System", True), ("EventID: [1, 4688]", False), ("CommandLine: y", False)],
)
def test_a_rule_against_its_own_log_source_is_found(further: str, found: bool) -> None:
    rows = [
        {"modules": ["windows.eventlog"], "channels": ["Microsoft-Windows-Sysmon/Operational"], "codes": [1]},
        {"modules": ["windows.eventlog"], "channels": ["Security"], "codes": [4688]},
    ]
    text = document(f"a: {{Image: x, {further}}}\ncondition: a")
    for feeds, certain in ((rows, True), ([*rows, {"categories": ["process"]}], False)):
        routes = parse_routes({"products": {}, "services": {}, "categories": {"windows/process_creation": feeds}})
        wanted = [("R07", FIRST - 2)] if found and certain else []
        assert [(each.code, each.line) for each in findings(text, routes=routes)] == wanted


def test_the_same_condition_twice_names_the_earlier_rule() -> None:
    one = document("a: {Image: x, CommandLine: [u, v]}\ncondition: a", 1)
    two = document("p: {CommandLine: [V, u]}\nq: {Image: X}\ncondition: q and p", 2)
    three = document("a: {Image: x, CommandLine: [u, v]}\ncondition: a", 3, logsource="{product: windows}")
    found = findings(one, two, three)
    assert [(finding.file, finding.code, finding.values["where"]) for finding in found] == [("1.yml", "R09", "0.yml:1")]


def test_other_documents_are_left_to_others() -> None:
    texts = [RuleText("c.yml", each) for each in read_documents("action: global\n---\n[a]\n")]
    assert lint(RuleSet([], []), texts, shipped_routes(), field_names) == []


FILTER = """title: Scanner
id: 11111111-1111-4111-8111-111111111199
date: 2026-11-22
logsource: {product: windows}
filter:
  rules: any
"""
BY_FILTER = {
    "scanner: {User: scan}\ncondition: scanner": [("R40", 8)],
    "scanner: {User: scan}\ncondition: not scanner": [],
    "a: {User: scan}\nb: {Image: null}\ncondition: not a and not b": [],
    "a: {User: scan}\nb: {Image: null}\ncondition: a or not b": [],
    "a: {User: scan}\nb: {Image: x}\ncondition: b and not a": [("R40", 9)],
    "a: {User: scan}\ncondition: a and not a": [("R02", 8)],
    "a: {User: scan}\ncondition: a or not a": [("R41", 8)],
    "a: {User: '*'}\nb: {User: scan}\ncondition: not a": [("R20", 7), ("R10", 8)],
}


@pytest.mark.parametrize("text", BY_FILTER)
def test_a_filter_that_does_not_hide_what_it_names_is_found(text: str) -> None:
    assert [(one.code, one.line) for one in findings(FILTER + indent(text, "  "))] == BY_FILTER[text]


def test_a_filter_lacks_only_what_filters_have() -> None:
    text = FILTER.replace("id: 1", "author: 1").replace("date:", "modified:") + "  a: {User: s}\n  condition: not a\n"
    assert [one.code for one in findings(text)] == ["R30", "R34"]


CORRELATION = """title: Many
id: 11111111-1111-4111-8111-111111111198
status: test
date: 2026-11-22
tags: [attack.t1059]
level: high
correlation:
  type: event_count
  rules: [blind, seen]
  group-by: [User]
  timespan: 5m
  condition: {gte: 5}
"""


def test_a_correlation_with_a_rule_that_no_source_feeds_is_found() -> None:
    seen = document("a: {Image: abcx}\ncondition: a", 1) + "name: seen\n"
    blind = document("a: {Image: abcy}\ncondition: a", 2, logsource="{product: okta}") + "name: blind\n"
    assert [(one.file, one.code, one.line) for one in findings(seen, blind, CORRELATION)] == [
        ("1.yml", "R06", 7),
        ("2.yml", "R42", 9),
    ]


def test_a_correlation_without_what_all_rules_have_is_found() -> None:
    seen = [document("a: {Image: abcx}\ncondition: a", number) + f"name: {name}\n" for number, name in ((1, "seen"),)]
    bare = CORRELATION.replace("level: high\n", "").replace("tags: [attack.t1059]\n", "").replace("blind, ", "")
    assert [(one.file, one.code) for one in findings(*seen, bare)] == [("1.yml", "R31"), ("1.yml", "R33")]


def test_every_code_has_its_text_its_page_and_its_test() -> None:
    catalogue = load([CATALOGUE])
    page = (CHECKOUT / "docs" / "lint.md").read_text("utf-8")
    assert {key.removeprefix("lint.") for key in catalogue.entries} == set(LEVELS)
    for code, level in LEVELS.items():
        assert f"| `{code}` | {level.value} |" in page, code
    tested = {code for found in (*BY_DETECTION.values(), *BY_FILTER.values()) for code, _ in found}
    assert set(LEVELS) - tested <= {"R42", "R06", "R07", "R09", "R30", "R31", "R32", "R33", "R34"}


def test_what_keeps_a_rule_from_working_is_an_error() -> None:
    assert {code for code, level in LEVELS.items() if level is Level.ERROR} == {
        *("R01", "R02", "R03", "R07", "R11", "R13", "R28", "R40", "R41")
    }

"""Bad rules: each costs itself alone and says where it is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.detect import load_rules
from appliance.detect.parse import parse_file
from appliance.detect.yamldoc import MAX_BYTES
from tests.appliance.detect.kit import ID, decide, document, one, parse, write

GOOD = document("sel:\n  a: x\ncondition: sel")


def lines(text: str) -> list[int]:
    return [fault.line for fault in parse(text).faults]


def test_all_faults_of_a_rule_at_once_with_their_lines() -> None:
    text = document("sel:\n  a|nonsense: x\n  b|wrong: y\n  c|re: '('\ncondition: sel")
    assert lines(text) == [7, 8, 9]
    text = document("sel:\n  a|gt: x\n  c|re: '('\n  d|cidr: 300.0.0.0/8\ncondition: sel").replace(ID.format(1), "nope")
    assert lines(text) == [2, 7, 8, 9]


def test_a_catastrophic_regular_expression_is_harmless_and_an_impossible_one_is_located() -> None:
    assert lines(document("sel:\n  a|re: '(a+)+$'\ncondition: sel")) == []
    for pattern in ("(?=x)y", r"(a)\1", "a{5000}"):
        parsed = parse(document(f"sel:\n  b: y\n  a|re: '{pattern}'\ncondition: sel"))
        assert [fault.line for fault in parsed.faults] == [8]
        assert "RE2" in parsed.faults[0].message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("title: [", 2),
        ("a: 1\nb: [1,\nc: 2", 3),
        ("[" * 100_000, 1),
        ("- " * 100_000, 1),
        ("{a: " * 100_000, 1),
        ("\n".join(" " * i + "a:" for i in range(200)), 41),
        ("a: &x [1]\nb: *x", 2),
        ("a: &a [x]\nb: &b [*a,*a]\nc: [*b,*b]", 2),
        ("a: 1\na: 2", 2),
        ("title: x\ndate: 2024-13-45", 1),
        ("just text", 1),
        ("a: \0", 1),
        ("---\n" * 2000 + "a: 1", 1001),
    ],
)
def test_yaml_that_is_none_or_a_bomb(text: str, line: int) -> None:
    faults = parse(text).faults
    assert len(faults) >= 1
    assert abs(faults[0].line - line) <= 1


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    file = write(tmp_path, "big.yml", GOOD + "#" * 10_000_000)
    faults = load_rules([file]).faults
    assert [(fault.file, fault.line) for fault in faults] == [(str(file), 1)]
    assert str(MAX_BYTES) in faults[0].message


def test_text_that_is_not_utf8_is_located() -> None:
    faults = parse_file("x.yml", b"title: a\nid: \xff\n").faults
    assert [(fault.line, fault.message) for fault in faults] == [
        (2, "tekst nie jest w kodowaniu UTF-8; zapisz plik w UTF-8")
    ]


def test_windash_that_would_explode_is_refused() -> None:
    text = document(f"sel:\n  a|windash: '{' -a' * 30}'\ncondition: sel")
    assert lines(text) == [7]


def test_a_selector_cannot_be_made_slow() -> None:
    names = "\n".join(f"{'a' * 40}{i}:\n  f: x" for i in range(20))
    assert len(lines(document(f"{names}\ncondition: 1 of {'a*' * 30}b"))) == 1


def test_one_bad_document_leaves_the_others() -> None:
    parsed = parse(GOOD + "---\n" + GOOD.replace("a: x", "a|bad: x") + "---\n" + GOOD)
    assert len(parsed.rules) == 2
    assert [fault.line for fault in parsed.faults] == [16]


@pytest.mark.parametrize(
    "value",
    [
        "!!bool maybe",
        '!!int ""',
        '!!int "-"',
        '!!float ""',
        "!!float 1:x",
        "!!timestamp x",
        "!!timestamp 2024-01-01",
        "!!binary aGk=",
        "!!set {b: c}",
        "!!python/object:os.system x",
        "!own x",
        "!<tag:yaml.org,2002:bool> maybe",
    ],
)
def test_a_value_that_its_tag_does_not_fit_is_located(value: str) -> None:
    assert lines(document(f"sel:\n  b: y\n  a: {value}\ncondition: sel"))[0] in {1, 8}
    assert lines(GOOD + f"custom: {value}\n")[0] in {1, GOOD.count("\n") + 1}


@pytest.mark.parametrize("value", ["!!str 5", "! 5", "!!int 5", "!!float 1.5", "!!bool true", "!!seq [x]", "!!null ''"])
def test_the_tags_of_the_core_schema_are_read(value: str) -> None:
    assert len(parse(document(f"sel:\n  a: {value}\ncondition: sel")).rules) == 1


@pytest.mark.parametrize("key", ["action"])
def test_documents_of_other_kinds_are_named(key: str) -> None:
    parsed = parse(f"title: x\n{key}:\n  a: b\n")
    assert [(fault.line, key in fault.message) for fault in parsed.faults] == [(2, True)]


def test_duplicate_ids_are_located_at_the_second(tmp_path: Path) -> None:
    write(tmp_path, "a.yml", GOOD)
    second = write(tmp_path, "b.yml", GOOD)
    ruleset = load_rules([tmp_path])
    assert len(ruleset.rules) == 1
    assert [(fault.file, fault.line) for fault in ruleset.faults] == [(str(second), 1)]


def test_retired_rules_are_left_out_and_counted(tmp_path: Path) -> None:
    write(tmp_path, "a.yml", GOOD + "status: deprecated\n")
    write(tmp_path, "b.yml", GOOD.replace(ID.format(1), ID.format(2)) + "status: unsupported\n")
    write(tmp_path, "unsupported/c.yml", GOOD.replace(ID.format(1), ID.format(3)))
    ruleset = load_rules([tmp_path])
    assert (ruleset.rules, ruleset.retired) == ([], 2)
    assert len(load_rules([tmp_path], retired=True).rules) == 2


@pytest.mark.parametrize(
    "line",
    [
        "name: [x]",
        "name: ''",
        "tags: [one]",
        "tags: x",
        "date: 7",
        "level: huge",
        "status: odd",
        "taxonomy: ''",
        "references: x",
        "falsepositives: x",
        "author: [x]",
        "description: 5",
        "license: 5",
        "scope: x",
        "fields: x",
        "modified: x",
        "related: x",
        "id: 7",
        "id: x",
    ],
)
def test_what_a_rule_says_of_itself_is_located(line: str) -> None:
    text = GOOD.replace(f"id: {ID.format(1)}\n", "") if line.startswith("id:") else GOOD
    parsed = parse(text + line + "\n")
    assert parsed.rules == []
    assert [(fault.line, line.partition(":")[0] in fault.message) for fault in parsed.faults] == [
        ((text + line).count("\n") + 1, True)
    ]


def test_levels_are_numbers() -> None:
    levels = [parse(GOOD + f"level: {name}\n").rules[0].level for name in ("informational", "low", "medium", "high")]
    assert levels == [0, 1, 2, 3]
    assert parse(GOOD + "level: critical\n").rules[0].level == 4


def test_a_file_that_is_gone_is_a_fault(tmp_path: Path) -> None:
    assert [fault.line for fault in load_rules([tmp_path / "none.yml"]).faults] == [1]


KEYS = ["title", "id", "logsource", "detection", "condition", "sel", "product", "a|re", "a|contains", "tags", "level"]
plain = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(KEYS))
tree = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), tree))
def test_no_document_breaks_the_parser(value: dict[str, object]) -> None:
    parsed = parse_file("x.yml", yaml.safe_dump(value, allow_unicode=True).encode("utf-8", "replace"))
    assert parsed.rules or parsed.faults


TAGS = st.sampled_from(["bool", "int", "float", "null", "str", "timestamp", "binary", "set", "omap", "pairs", "merge"])
SCALARS = st.one_of(
    st.text(alphabet="0123456789+-.:_xobeETZ aftrueinnyo", max_size=30),
    st.from_regex(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ][0-9]{1,2}:[0-9]{2}:[0-9]{2}(\.[0-9]*)?([-+][0-9:]{1,5})?)?"),
)


@settings(max_examples=400, deadline=None)
@given(TAGS | st.text(alphabet="abz:/!", max_size=5), SCALARS, st.sampled_from(["!!", "!", ""]))
def test_no_tag_breaks_the_parser(tag: str, value: str, handle: str) -> None:
    scalar = yaml.dump(value, default_style='"', width=1000).strip() if handle else value
    for line in (
        f"custom: {handle}{tag if handle else ''} {scalar}\n",
        f"tags: [{handle}{tag if handle else ''} {scalar}]\n",
    ):
        parsed = parse(GOOD + line)
        assert parsed.rules or parsed.faults
        assert all(fault.line >= 1 for fault in parsed.faults)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_break_the_parser(content: bytes) -> None:
    parsed = parse_file("x.yml", content)
    assert all(fault.line >= 1 for fault in parsed.faults)
    assert not parsed.rules


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="()sel andortf1* _-|", max_size=60))
def test_no_condition_breaks_the_parser(condition: str) -> None:
    text = document("sel:\n  a: x\ncondition: PLACE").replace("PLACE", repr(condition))
    parsed = parse(text)
    assert parsed.rules or parsed.faults


@pytest.mark.parametrize(
    ("text", "line"), [("a: b\nc: \x00d\n", 2), ("a: żółć\nb: 1\nc: \x07d\n", 3), ("\x01", 1), ("a: 1\n\ufffe", 2)]
)
def test_a_sign_that_yaml_cannot_hold_is_located(text: str, line: int) -> None:
    (fault,) = parse_file("rule.yml", text.encode()).faults
    assert fault.line == line
    assert f"U+{ord(next(sign for sign in text if not sign.isprintable() and sign != chr(10))):04X}" in fault.message


EMPTY = ["contains", "startswith", "endswith", "re", "cidr", "exists", "fieldref", "expand", "gt", "hour", "cased"]


@pytest.mark.parametrize("modifier", [*EMPTY, "contains|all", "re|i|neq", "base64offset|contains"])
@pytest.mark.parametrize("values", ["[]", "null"])
def test_nothing_to_compare_with_is_a_fault_and_not_a_missing_field(modifier: str, values: str) -> None:
    found = parse(document(one(f"a|{modifier}: {values}")))
    assert found.rules == []
    assert [fault.line for fault in found.faults] == [7]


@pytest.mark.parametrize("modifier", ["", "|all", "|neq"])
def test_an_empty_list_without_a_comparison_is_no_value(modifier: str) -> None:
    events: list[dict[str, Any]] = [{}, {"a": ()}]
    for event in events:
        assert decide(one(f"a{modifier}: []"), **event) is (modifier != "|neq")
    assert decide(one(f"a{modifier}: []"), a="") is (modifier == "|neq")

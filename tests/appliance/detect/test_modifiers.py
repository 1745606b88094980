"""Modifiers: what the specification leaves open and docs/sigma.md decides, and what is refused with its line."""

from __future__ import annotations

import pytest

from appliance.detect.modifiers import NAMES
from tests.appliance.detect.kit import decide, document, one, parse

#: Every modifier of Sigma 2.1 (appendix modifiers), and pySigma's long names of the flags.
SPECIFIED = {
    *("all", "startswith", "endswith", "contains", "exists", "cased", "neq", "windash", "re", "i", "m", "s"),
    *("base64", "base64offset", "utf16le", "utf16be", "utf16", "wide", "lt", "lte", "gt", "gte"),
    *("minute", "hour", "day", "week", "month", "year", "cidr", "expand", "fieldref"),
    *("ignorecase", "multiline", "dotall"),
}


def test_every_modifier_of_the_specification_is_known() -> None:
    assert NAMES == SPECIFIED


@pytest.mark.parametrize(
    "line",
    [
        "a|nothing: x",
        "a|contains: 5",
        "a|contains: null",
        "a|re: 5",
        "a|re|cased: x",
        "a|cased|re: x",
        "a|i: x",
        "a|re: '('",
        "a|cidr: 10.0.0.1/8",
        "a|cidr: '10.0.0.*'",
        "a|cidr: x",
        "a|base64: 'x*'",
        "a|gt: '5'",
        "a|gt|lt: 5",
        "a|gt: true",
        "a|exists: 'true'",
        "a|contains|exists: true",
        "a|endswith|fieldref: b",
        "a|cased|fieldref: b",
        "'|fieldref': b",
        "'|exists': true",
        "a: {b: c}",
        "a: [[x]]",
        "a: 2026-11-22",
        "a: .inf",
        "a|windash: ' -a -b -c -d -e'",
        "7: x",
        "a|: x",
    ],
)
def test_a_line_that_cannot_be_decided_is_located(line: str) -> None:
    parsed = parse(document(f"sel:\n  b: x\n  {line}\ncondition: sel"))
    assert parsed.rules == []
    assert [fault.line in (7, 8) for fault in parsed.faults] == [True]
    assert ";" in parsed.faults[0].message


def test_one_bad_value_of_a_list_is_located_by_itself() -> None:
    parsed = parse(document("sel:\n  a|re:\n    - x\n    - '('\n    - y\n    - '['\ncondition: sel"))
    assert [fault.line for fault in parsed.faults] == [9, 11]


def test_a_regular_expression_may_be_bound_to_an_end() -> None:
    assert decide(one("a|re|startswith: b|c"), a="cab")
    assert not decide(one("a|re|startswith: b|c"), a="ab")
    assert decide(one("a|re|endswith: b|c"), a="xb")
    assert not decide(one("a|re|endswith: b|c"), a="bx")
    assert decide(one("a|re|contains: b|c"), a="xbx")


def test_cased_reaches_through_encodings() -> None:
    assert decide(one("a|cased|base64: Foobar"), a="Rm9vYmFy")
    assert not decide(one("a|cased|base64: Foobar"), a="rm9vymfy")


def test_a_network_of_mapped_addresses_is_a_network_of_v4() -> None:
    assert decide(one("ip|cidr: '::ffff:10.0.0.0/104'"), ip="10.1.2.3")
    assert not decide(one("ip|cidr: '::ffff:10.0.0.0/104'"), ip="11.1.2.3")


def test_all_modifiers_of_keywords() -> None:
    assert decide("kw:\n  '|all|cased': [One, two]\ncondition: kw", a="One", b="xtwox")
    assert not decide("kw:\n  '|all|cased': [One, two]\ncondition: kw", a="one", b="xtwox")
    assert decide("kw:\n  '|re|i|all': ['^o', 'o$']\ncondition: kw", a="Once", b="TWO")
    assert decide("kw:\n  '|neq': [one]\ncondition: kw", a="two")
    assert decide("kw:\n  '|cidr': 10.0.0.0/8\ncondition: kw", a="x", b="10.1.1.1")
    assert decide("kw:\n  '|contains|windash': ' -a'\ncondition: kw", a="x /a")
    assert decide("kw:\n  '|hour': 6\ncondition: kw", a="2026-11-22T05:00:00Z")


def test_lists_in_lists_are_alternatives() -> None:
    text = "sel:\n  - a: x\n  - - b: y\n    - word\n    - [deep, [deeper]]\ncondition: sel"
    for event in ({"a": "x"}, {"b": "y"}, {"q": "a word"}, {"q": "deeper"}):
        assert decide(text, **event)
    assert not decide(text, a="y", b="x")


def test_null_with_neq_is_any_value() -> None:
    assert decide(one("a|neq: null"), a="")
    assert not decide(one("a|neq: null"), b="x")


def test_neq_with_a_field_reference() -> None:
    assert decide(one("a|fieldref|neq: b"), a="x", b="y")
    assert not decide(one("a|fieldref|neq: b"), a="x", b="X")
    assert decide(one("a|fieldref|neq: b"), a="x")

"""Expectations: what holds, and every fault of the file with its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.detect.expect import Expectation, parse_expectations
from appliance.detect.yamldoc import MAX_BYTES

KNOWN = {"a", "b", "c"}


def parse(text: str) -> tuple[list[Expectation], list[tuple[int, str]]]:
    found, faults = parse_expectations("e.yml", text.encode(), KNOWN)
    assert all(fault.file == "e.yml" for fault in faults)
    return found, [(fault.line, fault.message) for fault in faults]


@pytest.mark.parametrize(
    ("bounds", "holds", "text"),
    [
        ("{at_least: 1}", [1, 2, 99], "≥ 1"),
        ("{at_most: 1}", [0, 1], "≤ 1"),
        ("{at_least: 1, at_most: 2}", [1, 2], "≥ 1, ≤ 2"),
        ("{exactly: 0}", [0], "= 0"),
        ("{exactly: 2}", [2], "= 2"),
        ("{at_least: 0}", [0, 1, 2, 99], "≥ 0"),
    ],
)
def test_bounds(bounds: str, holds: list[int], text: str) -> None:
    found, faults = parse(f"# why\na: {bounds}\n")
    assert faults == []
    assert [count for count in (0, 1, 2, 99) if found[0].holds(count)] == holds
    assert (str(found[0]), found[0].line) == (text, 2)


def test_every_fault_is_located() -> None:
    found, faults = parse("a: {at_least: 1}\nx: {at_least: 1}\nb: {at_lest: 1}\nc: {at_least: -1}\n1: {exactly: 1}\n")
    assert [each.rule_id for each in found] == ["a"]
    assert [line for line, _ in faults] == [2, 3, 4, 1]
    assert "'x'" in faults[0][1]


@pytest.mark.parametrize(
    "bounds",
    ["1", "{}", "{at_least: true}", "{at_least: 1.0}", "{exactly: 1, at_most: 2}", "{at_least: 3, at_most: 2}", "[1]"],
)
def test_bounds_that_mean_nothing(bounds: str) -> None:
    found, faults = parse(f"a: {bounds}\n")
    assert found == []
    assert len(faults) == 1


@pytest.mark.parametrize(
    "text", ["", "{}", "a: [", "- a\n", "a: {exactly: 1}\na: {exactly: 2}\n", "a: 1\n---\nb: 1\n", "&x a: *x"]
)
def test_files_that_are_no_expectations(text: str) -> None:
    assert parse(text)[0] == []
    assert parse(text)[1] != []


def test_size_and_encoding_are_bounded() -> None:
    assert parse_expectations("e", b"\xff", KNOWN)[1] != []
    assert parse_expectations("e", b"a: {exactly: 1}\n" + b"#" * MAX_BYTES, KNOWN)[1] != []


@given(st.text(alphabet="abx: {}[]0123-,#\n\"'_leastmo", max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    found, faults = parse(text)
    assert found or faults
    assert all(line >= 1 for line, _ in faults)

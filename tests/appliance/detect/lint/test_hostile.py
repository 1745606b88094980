"""Rules that are meant to hurt the lint: it says what it has to say in a bounded time."""

from __future__ import annotations

from time import process_time

import pytest

from tests.appliance.detect.lint.test_lint import codes

SECONDS = 10
"""CPU of one rule; what is quadratic or worse in these takes minutes."""
STARS = "a*" * 30 + "b"
LONG = "a" * 1000
HOSTILE = {
    "a selector of many stars": f"{LONG}: {{Image: x}}\nok: {{Image: abcx}}\ncondition: ok or not 1 of {STARS} or ok",
    "brackets that never close": f"a: {{CommandLine|contains: '{'[0-9' * 120_000}'}}\ncondition: a",
    "brackets in an expression": f"a: {{CommandLine|re|i: '{'[0-9' * 120_000}'}}\ncondition: a",
    "identifiers that nobody uses": "\n".join(f"n{number}: {{Image: x}}" for number in range(20_000))
    + "\ncondition: n1",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_rule_that_is_meant_to_hurt_costs_a_bounded_time(name: str) -> None:
    start = process_time()
    found = {code for code, _ in codes(HOSTILE[name])}
    assert process_time() - start < SECONDS
    assert found <= {"R01", "R02", "R05", "R08", "R10", "R22"}


def test_a_pattern_uses_what_the_condition_takes_by_it() -> None:
    assert codes("_a: {Image: abcx}\nsel_b: {Image: abcy}\ncondition: 1 of _* or 1 of s*_b") == []
    assert codes("a: {Image: abcx}\n_b: {Image: abcy}\ncondition: 1 of *") == [("R10", 10)]

"""A policy: what both ends take for one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wire.categories import CATEGORIES
from agent.wire.policy import AT_FIRST, LONGEST, BadPolicy, Off, Policy, digest, parse, signed_bytes

SWITCHES = st.builds(
    Off, st.sampled_from(sorted(CATEGORIES)), st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=120),
    st.integers(0, 1 << 61),
)  # fmt: skip


@given(
    st.text(max_size=40), st.integers(0, 1 << 61), st.lists(SWITCHES, max_size=12, unique_by=lambda one: one.category)
)
def test_a_statement_is_read_as_it_was_written(agent: str, issued: int, off: list[Off]) -> None:
    policy = Policy(agent, issued, tuple(sorted(off)), issued // 7)
    assert parse(policy.statement()) == policy
    assert digest(parse(policy.statement()).off) == digest(reversed(off))
    assert signed_bytes(policy.statement()).startswith(b"czujka policy 1\n")


def test_what_this_version_does_not_know_is_left_out() -> None:
    text = json.dumps({"agent": "a", "issued": 1, "off": [["thoughts", "jan", 1], ["logs", "jan", 2]]})
    assert parse(text).off == (Off("logs", "jan", 2),)


@pytest.mark.parametrize(
    "value",
    [
        None, 5, "", "[]", "{}", "x" * (LONGEST + 1), {"agent": 5, "issued": 1, "off": []},
        {"agent": "a", "issued": 1, "off": [], "number": -1}, {"agent": "a", "issued": 1, "off": [], "number": "5"},
        {"agent": "a", "issued": True, "off": []}, {"agent": "a", "issued": -1, "off": []},
        {"agent": "a", "issued": 1, "off": {}}, {"agent": "a", "issued": 1, "off": [["logs", "jan"]]},
        {"agent": "a", "issued": 1, "off": [["logs", 5, 1]]}, {"agent": "a", "issued": 1, "off": [["logs", "", "now"]]},
    ],
)  # fmt: skip
def test_anything_else_is_refused(value: Any) -> None:
    with pytest.raises(BadPolicy):
        parse(json.dumps(value) if isinstance(value, dict) else value)


def test_at_first_only_dns_is_off() -> None:
    assert AT_FIRST.categories == {"dns"}
    assert digest(AT_FIRST.off) != digest(())

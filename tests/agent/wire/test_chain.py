"""The chain of batches: its text, and what its links hang on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wire.chain import FIRST, NOTHING, Claim, link, parse_claim

LINKS = st.text("0123456789abcdef", min_size=64, max_size=64)
CLAIMS = st.builds(Claim, st.integers(0, 10**18 - 1), LINKS, st.booleans())


@given(CLAIMS)
def test_a_claim_travels_unchanged(claim: Claim) -> None:
    assert parse_claim(claim.text) == claim


@pytest.mark.parametrize(
    "text",
    [None, "", "0", f"-1 {NOTHING}", f"1  {NOTHING}", f"1 {NOTHING}0", f"1 {NOTHING[1:]}", f"1 {'A' * 64}", "x" * 9000,
     f"{'9' * 19} {NOTHING}", f"１ {NOTHING}", f"1 {NOTHING}\n", f"1 {NOTHING} broken"],
)  # fmt: skip
def test_another_form_is_no_claim(text: str | None) -> None:
    assert parse_claim(text) is None


@given(st.text(), st.lists(st.binary(), max_size=5), st.lists(st.binary(), max_size=5), st.text(), LINKS)
def test_a_link_hangs_on_the_one_before_the_key_and_each_record(
    key: str, lines: list[bytes], others: list[bytes], other_key: str, before: str
) -> None:
    lines, others = ([line.replace(b"\n", b"") for line in some] for some in (lines, others))
    key, other_key = key.encode("utf-8", "replace").hex(), other_key.encode("utf-8", "replace").hex()
    made = link(NOTHING, key, lines)
    assert (made == link(NOTHING, key, others)) == (lines == others)
    assert (made == link(NOTHING, other_key, lines)) == (key == other_key)
    assert (made == link(before, key, lines)) == (before == NOTHING)


def test_each_batch_that_was_taken_is_one_link() -> None:
    first = FIRST.after("a", [b"1"])
    assert first == Claim(1, link(NOTHING, "a", [b"1"]))
    assert Claim(0, NOTHING, damaged=True).after("a", [b"1"]) == first
    assert first.after("b", [b"2"]).number == 2

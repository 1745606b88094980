"""What an entry keeps of an event."""

from __future__ import annotations

import pytest

from appliance.detect.correlation.entry import identity_of


def test_an_id_of_32_hexadecimal_digits_is_its_bytes() -> None:
    assert identity_of("0123456789abcdef" * 2) == bytes.fromhex("0123456789abcdef" * 2)


@pytest.mark.parametrize("text", ["", "ab", "x" * 32, "ab " * 10 + "ab", "ab " * 9 + "  abc", "ż" * 32, "\ud800" * 32])
def test_any_other_id_is_hashed(text: str) -> None:
    assert len(identity_of(text)) == 16
    assert identity_of(text) != identity_of(text + " ")


def test_ids_that_differ_in_blanks_alone_are_two() -> None:
    digits = "ab" * 11 + " " * 10
    assert identity_of(digits) != identity_of(" " * 10 + "ab" * 11)

"""One folding for both sides of a comparison: character by character, and quick whatever stands in a text."""

from __future__ import annotations

import random
import sys
from time import process_time

from appliance.detect.values import fold


def _one(char: str) -> str:
    """The folding of a character alone, as the docs say: `casefold`, else `lower`, else itself."""
    return next((one for one in (char.casefold(), char.lower()) if len(one) == 1), char)


def test_each_character_folds_alone() -> None:
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    assert fold(everything) == "".join(map(_one, everything))
    assert all(len(fold(char)) == 1 for char in everything)


def test_a_part_of_a_text_folds_to_the_same_part() -> None:
    draw = random.Random(7)
    for _ in range(200):
        text = "".join(draw.choice("aAßẞİŉﬁΣσςŁł\n") for _ in range(40))
        assert fold(text) == "".join(map(_one, text))
        assert fold(text)[3:17] == fold(text[3:17])


def test_one_odd_character_does_not_make_a_long_text_dear() -> None:
    text = "Straße" + "ABC" * 1_000_000
    start = process_time()
    assert fold(text).endswith("abc")
    # Character by character it takes 1.5 s.
    assert process_time() - start < 0.5

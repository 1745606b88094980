"""What the fuzzers of packets without a flow begin with is read, and cut packets harm nobody."""

from __future__ import annotations

import pytest

from tests.fuzz.flowless import TARGETS
from tests.fuzz.parsers import FLOWLESS


def test_each_name_has_its_target() -> None:
    assert TARGETS.keys() == FLOWLESS


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_seeds_and_what_is_cut_of_them_pass(name: str) -> None:
    seeds, one = TARGETS[name]
    for seed in seeds:
        for size in (0, 1, len(seed) // 3, len(seed) - 1, len(seed)):
            one(seed[:size])

"""Keys of groups: what is done at once for all values is what is done for each."""

from __future__ import annotations

import random

import pytest

from appliance.detect.correlation.fields import GAP, LONGEST, group_key, group_text, number_of_text
from appliance.detect.values import Value
from tests.appliance.detect import kit
from tests.appliance.detect.kit import decide

VALUES: tuple[Value | None, ...] = (
    *("Anna", "ANNA", "", "Zażółć", "STRASSE", "straße", "a\x1fb", "a\x1cb", "tab\t", "\ud800", "K", "\x00"),
    *("x" * (LONGEST // 2), "Y" * LONGEST, "z" * (LONGEST + 1), "é" * (LONGEST + 1)),
    *(None, 7, 2.5, True, ("a", "B"), ("A", "", 3), ()),
)


def test_a_key_has_each_value_as_groups_compare_it() -> None:
    draw, keys = random.Random(7), set[str]()
    for number in range(4000):
        values = tuple(draw.choices(VALUES, k=number % 4))
        parts = [group_text(value) for value in values]
        key = group_key(values)
        assert key == (None if "" in parts else GAP.join(parts)), values
        if key is not None:
            keys.add(key)
            assert key.count(GAP) == max(0, len(values) - 1)
    assert len(keys) > 100
    assert group_key(("Anna", "K")) == group_key(("ANNA", "k")) == f"anna{GAP}k"


@pytest.mark.parametrize(
    ("value", "number"),
    [
        *(("7", 7.0), ("-2.5e1", -25.0), (7, 7.0), (2.5, 2.5), (2**60, float(2**60)), (("8", "9"), 8.0)),
        *(("1_000", None), (" 7 ", None), ("٧", None), ("nan", None), ("inf", None), ("1e999", None), ("", None)),
        *((True, None), ((), None), (None, None), (10**400, None), ("9" * 401, None), ((float("inf"),), None)),
    ],
)
def test_a_number_is_read_as_rules_read_it(value: Value | None, number: float | None) -> None:
    assert number_of_text(value) == number
    if value in ("7", "-2.5e1", "1_000", " 7 ", "٧", "nan", ""):
        assert decide(kit.one("a|gt: -1000"), a=value) is (number is not None)

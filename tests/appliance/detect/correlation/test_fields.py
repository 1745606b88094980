"""Keys of groups: what is done at once for all values is what is done for each."""

from __future__ import annotations

import random

from appliance.detect.correlation.fields import GAP, LONGEST, group_key, group_text
from appliance.detect.values import Value

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

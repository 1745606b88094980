"""Marks beside entries: what is kept of values is what counting them anew would say."""

from __future__ import annotations

import random
from bisect import bisect_left

from appliance.detect.correlation.entry import NAME, VALUE, name, prefix, tail, time_of
from appliance.detect.correlation.marks import Marks


def test_values_of_a_window_are_those_that_a_count_finds() -> None:
    draw = random.Random(7)
    entries: list[bytes] = []
    marks = Marks(entries, valued=True)
    for number in range(3000):
        entry = name(draw.randrange(number, number + 200), draw.randbytes(16)) + tail(1, bytes(7) + draw.randbytes(1))
        place = bisect_left(entries, entry[:NAME])
        entries.insert(place, entry)
        marks.insert(entries, place)
        if draw.random() < 0.1:
            gone = draw.randrange(min(len(entries), 20))
            marks.drop(entries[:gone])
            del entries[:gone]
        time = draw.randrange(number + 300)
        low, high = draw.randrange(len(entries) + 1), bisect_left(entries, prefix(time + 1))
        assert marks.distinct(low, high, time) == len({one[VALUE] for one in entries[low:high]})
    again = Marks(entries, valued=True)
    assert again.values == marks.values
    for high in range(1, len(entries)):
        time = time_of(entries[high - 1])
        if time < time_of(entries[high]):
            assert again.distinct(0, high, time) == marks.distinct(0, high, time)

"""Marks beside entries: what is kept of values is what counting them anew would say."""

from __future__ import annotations

import random
from bisect import bisect_left, insort

from appliance.detect.correlation.entry import NAME, TIME, VALUE, name, prefix, tail
from appliance.detect.correlation.marks import Marks


def test_values_since_a_time_are_those_that_a_count_finds() -> None:
    draw = random.Random(7)
    entries: list[bytes] = []
    marks = Marks(entries, valued=True)
    for number in range(3000):
        entry = name(draw.randrange(number, number + 200), draw.randbytes(16)) + tail(1, bytes(7) + draw.randbytes(1))
        place = bisect_left(entries, entry[:NAME])
        insort(entries, entry)
        marks.insert(place, entry)
        if draw.random() < 0.1:
            gone = draw.randrange(min(len(entries), 20))
            marks.drop(entries[:gone])
            del entries[:gone]
        time = prefix(draw.randrange(number + 300))
        assert marks.since(time) == len({one[VALUE] for one in entries if one[:TIME] >= time})
    again = Marks(entries, valued=True)
    assert again.values == marks.values
    assert [again.since(one[:TIME]) for one in entries] == [marks.since(one[:TIME]) for one in entries]

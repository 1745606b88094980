"""The wheel against a sorted list."""

from __future__ import annotations

import random

from appliance.detect.correlation.timers import Timers


def test_everything_is_told_once_and_never_late() -> None:
    draw = random.Random(7)
    timers, waiting, moment = Timers(), dict[str, int](), 0
    for number in range(3000):
        due = moment + draw.choice((0, 1, 1 << 15, 1 << 22, 1 << 60))
        timers.put(due, str(number))
        waiting[str(number)] = due
        if draw.random() < 0.1:
            moment += draw.randrange(1 << 20)
            told = [key for _, keys in timers.due(moment) for key in keys]
            early = [key for key in told if waiting.pop(key) > moment + (1 << 16)]
            assert early == []
            assert min(waiting.values(), default=moment + 1) > moment
    rest = [key for _, keys in timers.due(1 << 121) for key in keys]
    assert sorted(rest) == sorted(waiting)
    assert timers.due(1 << 121) == []


def test_a_key_is_told_with_the_bucket_that_setting_it_gave() -> None:
    timers = Timers()
    late, early = timers.put(1 << 30, "a"), timers.put(-5, "a")
    assert timers.due(1 << 30) == [(early, ["a"]), (late, ["a"])]

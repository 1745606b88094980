"""Tables that forget, silence after a notice, and time that was watched."""

from __future__ import annotations

import json

from collector.analysers.bounded import DAY, HOUR, MINUTE, Learning, Quiet, Recent


def test_what_was_not_used_for_longest_goes_first() -> None:
    table = Recent[str, int](3, [("a", 1), ("b", 2), ("c", 3)])
    assert table.get("a") == 1
    table["d"] = 4
    assert list(table.items()) == [("c", 3), ("a", 1), ("d", 4)]
    table["c"] = 5
    assert (list(table), len(table), table.pop("c"), table.pop("x"), "a" in table) == (
        ["a", "d", "c"],
        3,
        5,
        None,
        True,
    )


def test_what_was_noticed_is_noticed_again_after_a_time() -> None:
    quiet = Quiet(HOUR, 2)
    assert [quiet.may("a", at) for at in (0, HOUR - 1, HOUR, 3 * HOUR)] == [True, False, True, True]
    after = Quiet(HOUR, 2)
    after.recall(json.loads(json.dumps(quiet.memory())))
    assert [after.may("a", 3 * HOUR + 1), after.may("b", 0), after.may("c", 0), len(after.memory())] == [
        False,
        True,
        True,
        2,
    ]


def watch(learning: Learning, at: int, *, awake: bool = True) -> bool:
    learning.awake = awake
    learning.tick(at)
    return learning.over


def test_only_time_that_was_watched_counts() -> None:
    learning = Learning(2 * HOUR)
    assert [watch(learning, n * 30 * MINUTE + 1) for n in range(6)] == [False] * 4 + [True] * 2
    off = Learning(2 * HOUR)
    assert [watch(off, at) for at in (1, 30 * DAY, 60 * DAY)] == [False, False, True]
    unplugged = Learning(2 * HOUR)
    assert not any(watch(unplugged, n * MINUTE + 1, awake=n % 100 == 0) for n in range(200))


def test_a_clock_that_is_set_teaches_nothing() -> None:
    learning = Learning(3 * HOUR)
    assert not any(watch(learning, at) for at in (DAY, 20_000 * DAY, 3 * DAY, 3 * DAY + HOUR // 2))
    assert learning.watched == HOUR + HOUR // 2

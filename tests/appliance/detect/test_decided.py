"""What was decided is remembered only for events of which the same must be said again."""

from __future__ import annotations

import random
from typing import Any

import pytest

from appliance.detect import Engine
from appliance.detect.decided import Asked, Decided, bits
from appliance.detect.memo import Budget
from appliance.detect.routes import event_class
from tests.appliance.detect.kit import engine, one, rule

SHORT = "sel:\n  a|contains: '{0}'\nother:\n  b: '{1}'\ncondition: sel and not other"


def of(**fields: Any) -> dict[str, Any]:
    return {"event.module": "test", **fields}


def said(matcher: Engine, events: list[dict[str, Any]]) -> list[list[str]]:
    return [[rule.title for rule in found] for found in matcher.match_many(events)]


def decisions(matcher: Engine) -> int:
    return sum(stats.evaluated for stats in matcher.stats.values())


def test_like_events_are_decided_once_and_each_counts_as_matched() -> None:
    matcher = engine(rule(SHORT.format("a", "x")), rule(one("c: 1")))
    events = [of(a="abc", b="y", n=number) for number in range(10)]
    assert all(len(matcher.match(event)) == 1 for event in events)
    assert decisions(matcher) == 1
    assert sum(stats.matched for stats in matcher.stats.values()) == 10


@pytest.mark.parametrize(
    "values", [(1, True, 1.0, "1"), (0, False, 0.0, "0", ""), ("x", ("x",), ("y",), ("x", "y"), (1,), (True,))]
)
def test_equal_values_of_other_types_are_others(values: tuple[Any, ...]) -> None:
    rules = [rule(SHORT.format("a", wanted)) for wanted in ("true", "1", "1.0", "0", "false", "x", "y")]
    events = [of(a="a", b=value) for value in values] * 3
    fresh = [said(engine(*rules), [event])[0] for event in events]
    assert said(matcher := engine(*rules), events) == fresh
    assert said(matcher, events) == fresh


def test_an_absent_field_is_no_empty_one() -> None:
    matcher = engine(rule("sel:\n  a|contains: 'a'\nnone:\n  b: null\ncondition: sel and none"))
    events = [of(a="a"), of(a="a", b=""), of(a="a", b="x"), of(a="a")] * 2
    assert [bool(found) for found in said(matcher, events)] == [True, False, False, True] * 2


def test_keywords_look_at_every_value_and_are_decided_each_time() -> None:
    matcher = engine(rule("sel:\n  a|contains: 'a'\nwords:\n  - kiosk\ncondition: sel and not words"))
    events = [of(a="a", b="kiosk"), of(a="a", b="x")] * 3
    assert [bool(found) for found in said(matcher, events)] == [False, True] * 3
    assert decisions(matcher) == 6


def test_what_a_remembering_engine_says_is_what_a_new_one_says() -> None:
    draw = random.Random(11)
    rules = [
        rule(f"sel:\n  a|contains: '{draw.choice('abc')}'\nnot1:\n  {draw.choice('bc')}: {draw.choice('0123')}\n"
             f"condition: sel and not not1")
        for _ in range(12)
    ]  # fmt: skip
    pool: list[Any] = ["a", "ab", "c", 0, 1, "1", None] * 4 + [True, 1.0, ("a", 1), ("a", True)]
    events = [of(**{key: value for key in "abc" if (value := draw.choice(pool)) is not None}) for _ in range(4_000)]
    matcher, fresh = engine(*rules), {}
    for start in range(0, len(events), 50):
        part = events[start : start + 50]
        for event, found in zip(part, said(matcher, part), strict=True):
            name = repr(event)
            if name not in fresh:
                fresh[name] = said(engine(*rules), [event])[0]
            assert found == fresh[name]
    asked = sum(mask.bit_count() for mask in matcher.partition(event_class(events[0])).candidates(events))
    assert decisions(matcher) < 0.6 * asked


def test_what_does_not_pay_is_left_for_longer_and_longer() -> None:
    matcher = engine(rule(SHORT.format("a", "x")))
    events = [of(a="a", b=f"{number}") for number in range(40_000)]
    made = matcher.partition(event_class(events[0]))
    looked = []
    for start in range(0, len(events), 4_000):
        known = made.decided([1] * 4_000, events[start : start + 4_000])
        assert known == [1] * 4_000
        (asked,) = made._decided._asked.values()
        looked.append(asked.rest)
    assert max(looked) > 1_000


def test_rest_ends_when_looking_pays_again() -> None:
    asked = Asked(1, (0,), ("a",), looks=64, found=10, longer=64)
    asked.weigh()
    assert (asked.rest, asked.looks, asked.found) == (128, 0, 0)
    asked.looks, asked.found = 64, 30
    asked.weigh()
    assert asked.rest == 0


def test_sets_of_candidates_are_bounded() -> None:
    memory = Decided(Budget())
    memory.known(range(1, 5_000), [of(a="a")] * 4_999, lambda _: frozenset({"a"}))
    assert len(memory._asked) <= 1_024


def test_bits_are_told_from_the_lowest() -> None:
    assert [*bits(0)] == []
    assert [*bits(0b1011 | 1 << 3000)] == [0, 1, 3, 3000]

"""What a correlator with other rules takes over from the one before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from appliance.detect import Logsource, RuleSet
from appliance.detect.correlation.correlator import SECOND, Correlator
from appliance.detect.nodes import Atom, Op

from .hits import count, hit, names, offer, offer_all
from .traces import LATENESS, START, make, ruleset


def test_another_rule_set_keeps_what_is_the_same() -> None:
    kept, changed = count(3), {**count(3), "rules": ["rb"]}
    before = make(ruleset(kept, changed))
    offer_all(before, *(hit(n, START + n, name) for n, name in enumerate(("ra", "ra", "rb", "rb"))))
    after = make(ruleset(kept, {**changed, "timespan": "11s"}))
    after.adopt(before)
    assert after.kept.groups == 1
    assert names(offer_all(after, hit(8, START + 8, "rb"), hit(9, START + 9))) == ["c0"]


def test_what_is_the_same_is_handed_over_as_it_is() -> None:
    before = make(ruleset(count(3), {**count(3), "condition": {"eq": 2}}))
    offer_all(before, *(hit(n, START + n, host=f"h{n}") for n in range(50)))
    before.memory.changed()
    offer(before, hit(99, START + SECOND, host="h7"))
    nodes = [(node.groups, node.timers) for node in before.plan.nodes]
    after = make(before.ruleset)
    after.adopt(before)
    for node, (groups, timers) in zip(after.plan.nodes, nodes, strict=True):
        assert node.groups is groups
        assert node.timers is timers
    assert (after.kept.groups, after.kept.entries) == (100, 102)
    assert after.memory.changed() == {(node.digest, "h7") for node in after.plan.nodes}
    assert [match.group for match in after.advance(START + 3600 * SECOND)] == [("h7",)]


def test_what_a_changed_correlation_remembered_goes_bit_by_bit() -> None:
    before = make(ruleset(count(3)))
    offer_all(before, *(hit(n, START + n, host=f"h{n % 4000}") for n in range(8000)))
    after = make(ruleset({**count(3), "timespan": "11s"}))
    after.adopt(before)
    assert (after.kept.groups, after.kept.entries) == (0, 8000)
    left = []
    while after.kept.entries:
        after.advance(START + SECOND)
        left.append(after.kept.entries)
    assert left == sorted(left, reverse=True)
    assert len(left) > 2
    assert after.kept.evicted == 0


def test_what_has_been_left_makes_room_before_a_live_group_does() -> None:
    before, after = (
        Correlator(rules, lateness=LATENESS, resolver_factory=lambda _: lambda name: name, bounds=(10, 20))
        for rules in (ruleset(count(3)), ruleset({**count(3), "timespan": "11s"}))
    )
    offer_all(before, *(hit(n, START + n, host=f"h{n % 10}") for n in range(20)))
    after.adopt(before)
    entries = []
    for number in range(20):
        offer(after, hit(100 + number, START + number, host=f"h{number % 10}"))
        entries.append(after.kept.entries)
        assert after.kept.groups == min(number + 1, 10)
    assert max(entries) <= 20
    assert after.kept.evicted == 0


WORDS: dict[str, Any] = {
    "title": "new",
    "description": "new",
    "author": "new",
    "status": "stable",
    "line": 99,
    "level": 4,
    "references": ("x",),
    "tags": ("attack.t1110",),
    "falsepositives": ("x",),
    "custom": {"modified": "2026-11-23"},
}


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        *[({name: value}, 1) for name, value in WORDS.items()],
        ({"condition": Atom("x", Op.EQUALS, "new")}, 0),
        ({"logsource": Logsource("other")}, 0),
    ],
)
def test_a_rule_that_asks_for_something_else_resets_a_correlation_and_words_about_it_do_not(
    changes: dict[str, Any], kept: int
) -> None:
    rules = ruleset(count(3))
    other = RuleSet([replace(one, **changes) for one in rules.rules], [], correlations=rules.correlations)
    before = make(rules)
    offer_all(before, hit(1, START), hit(2, START))
    after = make(other)
    after.adopt(before)
    assert after.kept.groups == kept


def test_words_about_a_correlation_keep_what_it_remembers() -> None:
    rules = ruleset(count(3))
    changed = [replace(one, **WORDS, generate=not one.generate, places={}) for one in rules.correlations]
    before = make(rules)
    offer_all(before, hit(1, START), hit(2, START))
    after = make(RuleSet(rules.rules, [], correlations=changed))
    after.adopt(before)
    assert after.kept.groups == 1
    assert names(offer_all(after, hit(3, START + 1))) == ["c0"]


def test_a_new_correlation_on_top_that_carries_more_resets_what_is_below() -> None:
    low = count(2)
    top = {"type": "temporal", "rules": ["c0", "rb"], "group-by": ["user"], "timespan": "1m"}
    before = make(ruleset(low))
    offer(before, hit(1, START))
    after = make(ruleset(low, top))
    after.adopt(before)
    assert after.kept.groups == 0
    found = offer_all(after, hit(2, START), hit(3, START + 1), hit(4, START + 2, "rb"))
    assert names(found) == ["c0", "c1"]

"""Chains, lanes, clocks, bounds and memory of the correlator."""

from __future__ import annotations

import random
import sys
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest

from appliance.detect.correlation.correlator import SECOND, Correlator
from appliance.detect.correlation.judge import EVIDENCE
from appliance.detect.correlation.match import Match
from appliance.detect.correlation.plan import make_plan
from appliance.detect.correlation.resolve import resolve
from appliance.detect.correlation.state import decode_group, encode_group

from . import traces
from .hits import count, hit, names, offer, offer_all
from .reference import Hit, expected
from .traces import LATENESS, START, event_of, make, rule, ruleset

DAY = 86_400 * SECOND


def test_a_match_says_what_correlated() -> None:
    correlator = make(ruleset(count()))
    assert offer_all(correlator, *(hit(n, START + n * SECOND) for n in range(2))) == []
    (match,) = offer(correlator, hit(2, START + 2 * SECOND, host="H1"))
    assert (match.group, match.at, match.first, match.size) == (("h1",), START + 2 * SECOND, START, 3)
    assert match.evidence == tuple((START + n * SECOND, f"{n:032x}") for n in range(3))
    (further,) = offer(correlator, hit(3, START + 3 * SECOND))
    assert further.id != match.id
    assert further.evidence == ((START + 3 * SECOND, f"{3:032x}"),)


def test_the_same_event_again_is_nothing_new() -> None:
    correlator = make(ruleset(count(2)))
    assert offer_all(correlator, hit(1, START), hit(1, START), hit(1, START)) == []
    assert len(offer(correlator, hit(2, START + 1))) == 1
    assert offer(correlator, hit(2, START + 1)) == []


def test_values_are_counted_again_when_enough_hits_have_come() -> None:
    few = {**count(), "type": "value_count", "condition": {"field": "value", "gte": 4}, "timespan": "30s"}
    values = "aaaabaaacaaaabbbd" + "a" * 5
    for late in (None, 7):
        correlator = make(ruleset(few))
        order = [place for place in range(len(values)) if place != late]
        found: list[Match] = []
        for place in [*order, *([] if late is None else [late])]:
            found += offer(correlator, hit(place, START + place * SECOND, value=values[place]), START + 30 * SECOND)
        first = values.index("d")
        assert {match.at for match in found} == {START + place * SECOND for place in range(first, len(values))}


def test_an_id_of_a_group_that_came_back_has_one_timer() -> None:
    rules = ruleset({**count(), "condition": {"lte": 1}})
    correlator = Correlator(rules, lateness=LATENESS, resolver_factory=lambda _: lambda name: name, bounds=(1, 5000))
    for number, host in enumerate(("a", "b", "a")):
        offer(correlator, hit(number, START + number * SECOND, host=host))
    assert [match.at for match in correlator.advance(START + 3600 * SECOND)] == [START + 2 * SECOND]


def test_a_late_event_completes_windows_that_were_already_judged() -> None:
    correlator = make(ruleset(count()))
    offer_all(correlator, hit(1, START), hit(3, START + 8 * SECOND))
    found = offer(correlator, hit(2, START + 4 * SECOND), START + 15 * SECOND)
    assert [(match.at, len(match.evidence)) for match in found] == [(START + 8 * SECOND, 3)]


def test_a_late_event_that_completes_nothing_is_still_evidence() -> None:
    correlator = make(ruleset({**count(), "type": "value_count", "condition": {"field": "value", "gte": 3}}))
    (first,) = offer_all(correlator, *(hit(n, START + n * SECOND, value="xyz"[n - 1]) for n in (1, 2, 3)))
    (again,) = offer(correlator, hit(0, START, value="x"), START + 5 * SECOND)
    assert (again.id, again.evidence) == (first.id, ((START, f"{0:032x}"),))
    assert correlator.seen.matches == 1


def test_chains_pass_on_group_values_and_other_fields_of_the_event() -> None:
    guessing = count(generate=False)
    success = {"type": "temporal_ordered", "rules": ["c0", "rb"], "group-by": ["host", "user"], "timespan": "1m"}
    correlator = make(ruleset(guessing, success, generate=False))
    assert correlator.silent(rule("ra").id)
    assert correlator.silent(rule("rb").id)
    tries = [hit(n, START + n * SECOND) for n in range(4)]
    assert offer_all(correlator, *tries, hit(9, START + 9 * SECOND, "rb", user="other")) == []
    (match,) = offer(correlator, hit(10, START + 10 * SECOND, "rb"))
    assert (match.correlation.name, match.group) == ("c1", ("h1", "u1"))
    assert [event for _, event in match.evidence] == [f"{n:032x}" for n in (0, 1, 2, 3, 10)]


def test_a_chain_is_what_the_reference_says_level_by_level() -> None:
    low = count(2, timespan="12s")
    high = {"type": "value_count", "rules": ["c0"], "timespan": "30s", "condition": {"field": "host", "gte": 2}}
    for seed in range(100):
        draw = random.Random(seed)
        rules = ruleset(low, high)
        hits = traces.trace(draw)
        lower, upper = rules.correlations
        first = expected(lower, hits)
        second = expected(upper, [Hit(m.id, m.at, frozenset({"c0"}), {"host": m.group[0]}) for m in first])
        wanted = {match.id for match in (*first, *second)}
        for batches in (
            traces.one_by_one(traces.prompt(hits)),
            traces.two_workers(traces.shuffled(hits, draw), draw),
        ):
            found = traces.run(rules, batches, {2})
            assert {match.id for match in found} == wanted


def test_one_alias_stands_for_different_fields() -> None:
    body = {
        "type": "temporal",
        "rules": ["ra", "rb"],
        "group-by": ["who"],
        "timespan": "10s",
        "aliases": {"who": {"ra": "user", "rb": "target"}},
    }
    correlator = make(ruleset(body))
    assert offer_all(correlator, hit(1, START), hit(2, START, "rb", target="u2")) == []
    assert len(offer(correlator, hit(3, START + 1, "rb", target="U1"))) == 1


@pytest.mark.parametrize(
    ("generates", "level", "silent"),
    [
        ((), "low", False),
        ((False,), "low", True),
        ((True,), "low", False),
        ((False, True), "low", False),
        ((True,), "informational", True),
    ],
)
def test_who_is_silent(generates: tuple[bool, ...], level: str, silent: bool) -> None:
    base = replace(rule("ra"), level=["informational", "low"].index(level))
    found = [one for each in generates for one in ruleset(count(), generate=each).correlations]
    found = [replace(one, id=f"{number}") for number, one in enumerate(found)]
    plan = make_plan(resolve([base], found), LATENESS)
    assert (base.id in plan.silent) is silent


def test_a_hit_without_its_group_or_value_is_counted_not_merged() -> None:
    correlator = make(ruleset(count(2), {**count(1, type="value_sum"), "condition": {"gte": 1, "field": "amount"}}))
    for number in range(3):
        event = event_of(Hit(f"{number:032x}", START, frozenset({"ra"}), {}), START)
        assert correlator.offer(event, [rule("ra")]) == []
    assert correlator.seen.ungrouped == 6
    offer(correlator, hit(7, START, amount="much"))
    assert correlator.seen.valueless == 1


@pytest.mark.parametrize(
    "value", ["a\x1fb", "a\x1db", "\ud800", "x" * 100_000, "", ("a", "b"), (), 5, 1.5, True, 10**400]
)
def test_any_group_value_is_one_group_or_none(value: Any) -> None:
    correlator = make(ruleset(count(2)))
    hits = [replace(hit(number, START + number), fields={"host": value}) for number in range(2)]
    found = offer_all(correlator, *hits)
    assert len(found) == (0 if value in {"", ()} else 1)
    assert all(len(match.group) == 1 and len(match.group[0]) <= 200 for match in found)
    saved: dict[tuple[str, str], bytes] = {}
    traces.save(correlator, saved)
    assert make(ruleset(count(2))).load([(*key, blob, 0) for key, blob in saved.items()]) == 0


def test_a_clock_from_the_future_is_not_believed() -> None:
    correlator = make(ruleset(count(2)))
    offer(correlator, hit(1, START + 365 * DAY), START)
    assert correlator.seen.clamped == 1
    assert [match.at for match in offer(correlator, hit(2, START + SECOND))] == [START + SECOND]


def test_old_events_of_one_sender_are_correlated_among_themselves() -> None:
    correlator = make(ruleset(count()))
    week = START - 7 * DAY
    found: list[Match] = []
    for number in range(3):
        now = START + number * 8 * SECOND
        found += offer(correlator, hit(number, now), now)
        found += offer(correlator, hit(100 + number, week + number * SECOND), now)
        found += correlator.advance(now)
    assert [(match.at, match.late, match.group) for match in found] == [(week + 2 * SECOND, True, ("h1",))]
    assert len(found[0].evidence) == 3


def test_old_events_wait_for_their_own_sender() -> None:
    correlator = make(ruleset({**count(), "condition": {"lte": 2}}))
    week, now = START - 7 * DAY, START
    found: list[Match] = []
    for number in range(3):
        offer(correlator, hit(number, week + number * SECOND), now)
        correlator.sender("agent-h1", week + number * SECOND, now)
        found += correlator.advance(now)
        now += LATENESS - SECOND
    assert found == [], "three came within the window, however slowly"
    correlator.sender("agent-h1", week + DAY, now)
    assert correlator.advance(now + 2 * LATENESS) == []
    offer(correlator, hit(9, week + DAY), now)
    assert [len(match.evidence) for match in correlator.advance(now + 10 * LATENESS)] == [1]


def test_an_event_out_of_order_beyond_the_lateness_is_counted() -> None:
    correlator = make(ruleset({**count(), "condition": {"lte": 2}}))
    correlator.sender("agent-h1", START + DAY, START + DAY)
    offer(correlator, hit(1, START), START + DAY)
    assert correlator.seen.late == 1
    assert correlator.seen.missed == 0
    correlator = make(
        ruleset({"type": "value_avg", "rules": ["ra"], "timespan": "1h", "condition": {"field": "amount", "gt": 100}})
    )
    offer(correlator, hit(1, START, amount=1))
    correlator.advance(START + LATENESS + SECOND)
    offer(correlator, hit(2, START - SECOND, amount=1), START + 30 * SECOND)
    assert correlator.seen.missed == 1


def test_a_clock_of_the_box_that_jumped_ahead_is_forgiven() -> None:
    correlator = make(ruleset(count(2)))
    correlator.advance(START + 365 * DAY)
    correlator.advance(START)
    assert len(offer_all(correlator, hit(1, START), hit(2, START + SECOND))) == 1


def test_ten_million_groups_are_survived_in_bounded_memory() -> None:
    """A tenth of a percent of them: what is kept after the bound is reached does not grow any more."""
    rules = ruleset(count(2))
    correlator = Correlator(rules, resolver_factory=lambda _: lambda name: name, bounds=(1000, 5000))
    for number in range(10_000):
        offer(correlator, hit(number, START + number, host=f"host-{number}"))
    assert correlator.kept.groups == correlator.kept.entries == 1000
    assert correlator.kept.evicted == 9000
    assert len(correlator.memory.changed()) == 10_000
    assert len(offer(correlator, hit(99_999, START + 10_000, host="host-9999"))) == 1


@pytest.mark.parametrize("backwards", [False, True])
def test_entries_of_groups_that_are_there_are_bounded(backwards: bool) -> None:
    rules = ruleset(count(200, timespan="1h"))
    correlator = Correlator(rules, resolver_factory=lambda _: lambda name: name, bounds=(1000, 5000))
    for number in range(15_000):
        at = START - number if backwards else START + number
        offer(correlator, hit(number, at, host=f"host-{number % 100}"), START + SECOND)
        assert correlator.kept.entries <= 5000
    node = correlator.plan.nodes[0]
    assert correlator.kept.entries == sum(len(group.entries) for group in node.groups.values())
    assert correlator.kept.groups == len(node.groups)
    assert correlator.kept.evicted > 0


def test_a_flood_in_one_correlation_does_not_empty_another() -> None:
    rules = ruleset(count(2), {**count(2), "rules": ["rb"]})
    correlator = Correlator(rules, resolver_factory=lambda _: lambda name: name, bounds=(100, 5000))
    offer(correlator, hit(1, START, "rb"))
    for number in range(1000):
        offer(correlator, hit(10 + number, START + number, host=f"host-{number}"))
    assert names(offer(correlator, hit(2, START + SECOND, "rb"))) == ["c1"]


@pytest.mark.parametrize(
    "kind", ["event_count", "value_count", "temporal", "temporal_ordered", "value_sum", "value_median"]
)
def test_one_group_holds_only_so_much(kind: str) -> None:
    body: dict[str, Any] = {"type": kind, "rules": ["ra", "rb"], "group-by": ["host"], "timespan": "30d"}
    if not kind.startswith("temporal"):
        body["condition"] = {"gte": 5, **({"field": "amount"} if kind != "event_count" else {})}
    correlator = make(ruleset(body))
    offer(correlator, hit(1, START - SECOND, "rb", amount=1))
    for number in range(6000):
        offer(correlator, hit(10 + number, START + number, amount=float(number)))
    (node,) = correlator.plan.nodes
    assert correlator.kept.entries == len(node.groups["h1"].entries) <= node.cap
    assert correlator.kept.trimmed > 0
    if kind == "temporal_ordered":
        offer(correlator, hit(9998, START + 9998, "rb", amount=1))
        assert correlator.seen.matches == 1, "rb after ra"
    if kind == "temporal":
        assert correlator.seen.matches == 6000, "a flood of one rule does not hide the other"


def test_a_sum_stays_right_when_its_entries_are_merged() -> None:
    body = {"type": "value_sum", "rules": ["ra"], "timespan": "1h", "condition": {"field": "amount", "gte": 4600}}
    correlator = make(ruleset(body))
    for number in range(4600):
        offer(correlator, hit(number, START + number, amount=1))
    found = correlator.finish()
    assert len(found) == 1


def test_evidence_of_one_match_is_bounded() -> None:
    correlator = make(ruleset(count(1000)))
    found = offer_all(correlator, *(hit(n, START + n) for n in range(1000)))
    assert [len(match.evidence) for match in found] == [EVIDENCE]


def test_what_expired_is_forgotten() -> None:
    correlator = make(ruleset(count(2)))
    offer_all(correlator, *(hit(n, START + n * SECOND, host=f"h{n}") for n in range(5)))
    correlator.advance(START + 3600 * SECOND)
    assert correlator.kept.groups == correlator.kept.entries == 0
    assert correlator.kept.evicted == 0


def test_a_group_is_the_same_after_it_was_written() -> None:
    correlator = make(ruleset(count(3)))
    offer_all(correlator, *(hit(n, START + n * SECOND) for n in range(4)))
    group = correlator.plan.nodes[0].groups["h1"]
    again = decode_group(encode_group(group))
    assert again == group


def test_a_group_takes_less_than_a_kilobyte() -> None:
    correlator = make(ruleset(count(10)))
    tracemalloc.start()
    for number in range(2000):
        offer(correlator, hit(number, START + number, host=f"host-{number}"))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    correlator.memory.changed()
    assert sys.getsizeof(correlator) < size < 2000 * 1000

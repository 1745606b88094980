"""The question to the store may find too much, never too little."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from appliance.detect import Engine, Rule, load_rules
from appliance.detect.parse import parse_file
from appliance.detect.routes import event_class, shipped_routes
from appliance.hunt.kinds import kinds_of
from appliance.hunt.question import EVERYTHING, LONG_S, of_feed, question
from appliance.normalise import Event
from appliance.search import Node
from appliance.search.evaluate import matches
from appliance.search.nodes import And, Exact, Leaf, Numbers, Or, Pattern, Wild
from tests.appliance.detect import corpus
from tests.appliance.detect.fuzz import batch_of, built
from tests.appliance.detect.generate import Draws
from tests.appliance.detect.kit import ROUTES

Below = Callable[[int], int]


def _missed(below: Below) -> tuple[list[str], int, int]:
    """Rules that the question would have missed on generated events, and how many pairs matched, and were asked for."""
    draws = Draws(below)
    batch = batch_of(draws, 12, [draws] * 40)
    engine = built(batch.rules + batch.filters)
    asked = {rule.id: question([rule], ROUTES) for rule in engine.rules}
    missed, found, passed = [], 0, 0
    for event in batch.events:
        for rule in engine.match(event):
            found += 1
            node = asked[rule.id]
            if node is None or not matches(node, event):
                missed.append(f"{rule.title}: {event!r}")
        passed += sum(1 for node in asked.values() if node is not None and matches(node, event))
    return missed, found, passed


# Shrinking would take minutes: an example is a whole rule set.
@settings(deadline=None, max_examples=25, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.randoms(use_true_random=False))
def test_what_rules_find_answers_the_question(source: random.Random) -> None:
    assert _missed(source.randrange)[0] == []


def test_many_generated_rules_and_events() -> None:
    source = random.Random(20261122)
    pairs = found = passed = 0
    for _ in range(40):
        missed, hits, asked = _missed(source.randrange)
        assert missed == []
        pairs, found, passed = pairs + 480, found + hits, passed + asked
    assert found > 500
    assert passed < pairs * 0.8, "it leaves something out"


def _rule(detection: str, logsource: str = "product: windows\n  category: process_creation") -> Rule:
    text = f"title: x\nid: 00000000-0000-4000-8000-000000000001\nlogsource:\n  {logsource}\ndetection:\n{detection}\n"
    (rule,) = parse_file("x.yml", text.encode()).rules
    return rule


def test_a_rule_becomes_a_narrow_question() -> None:
    found = question([_rule("  s:\n    Image|endswith: '\\Cafés?.exe'\n  f:\n    User: x\n  condition: s and not f")])
    assert isinstance(found, Or)
    sysmon = found.children[0]
    assert isinstance(sysmon, And)
    (*_, wide) = sysmon.children
    assert isinstance(wide, Or)
    (leaf,) = [one for one in _leaves(wide) if one.test != Pattern((LONG_S,), True)]
    assert leaf.test == Pattern((Wild.MANY, "\\caf", Wild.MANY, "s", Wild.MANY, ".exe"), False)
    assert {field.name for field in leaf.fields} >= {"process.executable"}


def test_numbers_with_a_fraction_are_found_by_their_text() -> None:
    event: Event = {"event.module": "test", "a": 1.0}
    rules = parse_file(
        "x.yml",
        b"title: x\nid: 00000000-0000-4000-8000-000000000001\nlogsource: {product: test}\n"
        b"detection: {s: {a: '1'}, condition: s}\n",
    ).rules
    node = question(rules, ROUTES)
    assert node is not None
    assert matches(node, event)
    assert any(isinstance(leaf.test, Numbers) for leaf in _leaves(node))


def _leaves(node: object) -> list[Leaf]:
    if isinstance(node, Leaf):
        return [node]
    return [leaf for child in getattr(node, "children", ()) for leaf in _leaves(child)]


def test_a_rule_that_nothing_feeds_has_no_question() -> None:
    assert question([_rule("  s:\n    a: b\n  condition: s", "product: nobody\n  service: none")]) is None


def test_a_feed_s_demands_are_asked_for() -> None:
    feed = shipped_routes().feeds(_rule("  s:\n    a: b\n  condition: s").logsource)[0]
    node = of_feed(feed)
    assert node != EVERYTHING
    exact = {leaf.test.value for leaf in _leaves(node) if isinstance(leaf.test, Exact)}
    assert "windows.eventlog" in exact
    assert all(feed.takes(kind) for kind in kinds_of(feed))


@pytest.mark.corpora
def test_every_match_of_sigmahq_on_the_samples_answers_its_question(corpora: Path, tmp_path: Path) -> None:
    ruleset = load_rules(corpus.rule_folders(corpora), tmp_path)
    engine = Engine(ruleset)
    asked: dict[str, Node | None] = {}
    found = 0
    for _, event in corpus.sample_events(corpora):
        for rule in engine.match(event):
            node = asked.setdefault(rule.id, question([rule]))
            assert node is not None
            assert matches(node, dict(event)), (rule.title, event_class(event))
            found += 1
    assert found > 500

"""Random rules, filters and events over the whole language: the engine and the oracle must agree on each."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.detect.codegen import generated
from appliance.detect.compiled import compile_node
from tests.appliance.detect import fuzz, oracle
from tests.appliance.detect.fuzz import Batch, batch_of, built, differences, eager
from tests.appliance.detect.generate import Draws

#: A batch, and how many of them: more than 20,000 pairs of a rule and an event, each shown twice.
RULES, EVENTS, BATCHES = 6, 60, 60
QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@st.composite
def batches(draw: st.DrawFn, rules: int = RULES, events: int = EVENTS) -> Batch:
    seeds = draw(st.lists(st.integers(0, 1 << 32), min_size=events, max_size=events))
    # Rules shrink; events are made of a seed each, which costs a hundredth.
    sources = [Draws(random.Random(seed).randrange) for seed in seeds]
    return batch_of(Draws(lambda bound: draw(st.integers(0, bound - 1))), rules, sources)


@settings(max_examples=BATCHES, **QUIET)  # type: ignore[arg-type]
@given(batches())
def test_engine_and_oracle_agree(batch: Batch) -> None:
    with eager():
        assert list(differences(batch)) == []


@settings(max_examples=60, **QUIET)  # type: ignore[arg-type]
@given(batches(rules=3, events=10))
def test_generated_code_decides_as_the_closures_do(batch: Batch) -> None:
    for rule in built(batch.rules).rules:
        fast, slow = generated(rule.node), compile_node(rule.node)
        assert [fast(event) for event in batch.events] == [slow(event) for event in batch.events]


def test_a_wrong_engine_would_be_found(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(oracle, "low", str.lower)
    assert fuzz.main(["--pairs", "60000", "--seed", "3"]) == 1
    assert "differences in batch" in capsys.readouterr().out


def test_the_command_line_says_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzz.main(["--pairs", "1", "--seed", "9"]) == 0
    assert "3000 pairs, 0 differences, seed 9" in capsys.readouterr().out


def test_rules_and_events_meet() -> None:
    draws = Draws(random.Random(2).randrange)
    matched = missed = 0
    for _ in range(3):
        batch = batch_of(draws, 20, [draws] * 30)
        engine = built(batch.rules)
        for event in batch.events:
            found = len(engine.match(event))
            matched, missed = matched + found, missed + len(engine.rules) - found
    assert min(matched, missed) > 300

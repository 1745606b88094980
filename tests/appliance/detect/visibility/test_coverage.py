"""ATT&CK coverage and its Navigator layer."""

from __future__ import annotations

import json
from dataclasses import replace

from appliance.detect import Rule
from appliance.detect.visibility import Sight, State, coverage, layer
from appliance.detect.visibility.coverage import techniques_of
from tests.appliance.detect.test_routes import rule

WORDS = {"name": "N", "description": "D", "rules": "R", "arriving": "A", "fired": "F"}


def tagged(name: str, *tags: str) -> Rule:
    one: Rule = rule("{product: windows}", "{a: b}")
    return replace(one, id=name, tags=tags)


RULES = [
    tagged("1", "attack.execution", "attack.t1059.001"),
    tagged("2", "attack.t1059.001", "attack.T1059.001", "attack.privilege_escalation"),
    tagged("3", "attack.t1003", "cve.2021-1"),
    tagged("4", "attack.s0002", "attack.g0007"),
]


def sights(*states: State) -> dict[str, Sight]:
    return {str(number): Sight(str(number), state) for number, state in enumerate(states, 1)}


def test_existence_data_and_hits_are_told_apart() -> None:
    given = sights(State.SEEING, State.BLIND, State.SILENT, State.SEEING)
    first, second = coverage(RULES, given, {"2"})
    assert (first.id, first.rules, first.arriving, first.fired, first.score) == ("T1003", 1, 0, 0, 1)
    assert (second.id, second.rules, second.arriving, second.fired, second.score) == ("T1059.001", 2, 1, 1, 3)
    assert second.tactics == ("execution", "privilege-escalation")
    assert coverage(RULES, given, frozenset())[1].score == 2


def test_only_techniques_are_techniques() -> None:
    assert techniques_of(["attack.t1059", "attack.t10591", "attack.t1059.0012", "attack.s0002", "t1003"]) == {"T1059"}


def test_the_layer_is_one_of_format_4_5() -> None:
    given = sights(State.SEEING, State.LIMITED, State.UNFED, State.SEEING)
    made = json.loads(json.dumps(layer(coverage(RULES, given, {"1"}), WORDS)))
    assert made["name"] == "N"
    assert made["domain"] == "enterprise-attack"
    assert made["versions"] == {"navigator": "4.9.0", "layer": "4.5"}
    assert made["gradient"]["minValue"] < made["gradient"]["maxValue"]
    assert len(made["gradient"]["colors"]) >= 2
    assert [(one["techniqueID"], one["score"]) for one in made["techniques"]] == [("T1003", 1), ("T1059.001", 3)]
    assert all(set(one) == {"name", "value"} for entry in made["techniques"] for one in entry["metadata"])
    assert {one["label"] for one in made["legendItems"]} == {"R", "A", "F"}

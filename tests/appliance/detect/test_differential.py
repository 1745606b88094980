"""Random rules and random events: the engine and the oracle must agree on each."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.detect import Engine, RuleSet, event_class, partition
from appliance.detect.codegen import generated
from appliance.detect.compiled import compile_node
from appliance.detect.memo import Samples
from appliance.detect.parse import parse_file
from tests.appliance.detect.kit import ID, ROUTES, same
from tests.appliance.detect.oracle import Oracle

NAMES = ["a", "b", "c"]
LETTERS = "aAbB\\*?-/ .0żŻ\u212aßΣς\n"
small = st.text(LETTERS, max_size=5)
needle = st.text(LETTERS, min_size=1, max_size=3)
scalars = st.one_of(small, st.integers(-3, 12), st.booleans(), st.floats(allow_nan=False, width=16))
values = st.one_of(scalars, st.lists(scalars, max_size=3).map(tuple), st.sampled_from(["10.1.2.3", "fe80::1", "x"]))
events = st.dictionaries(st.sampled_from(NAMES), values, max_size=3)
REGEXES = ["a+b", "^a", "(a|b)0", "[^a]b", "a.{0,2}b", "\\.a", "ab|b0|0", "(?i)ab", "a{2,3}", "b$", "(ab)?0"]


@st.composite
def lines(draw: st.DrawFn) -> tuple[str, Any]:
    field = draw(st.sampled_from(NAMES))
    kind = draw(st.sampled_from(["text", "number", "regex", "cidr", "compare", "null", "exists", "ref", "bool"]))
    if kind == "text":
        modifiers = draw(st.sampled_from(["", "|contains", "|startswith", "|endswith", "|contains|all", "|neq"]))
        cased = draw(st.sampled_from(["", "|cased"])) if "all" not in modifiers and "neq" not in modifiers else ""
        return field + modifiers + cased, draw(st.lists(needle, min_size=1, max_size=3, unique=True))
    return {
        "number": (field, draw(st.integers(-3, 12))),
        "regex": (field + draw(st.sampled_from(["|re", "|re|i", "|re|s"])), draw(st.sampled_from(REGEXES))),
        "cidr": (field + "|cidr", draw(st.sampled_from(["10.0.0.0/8", "fe80::/10"]))),
        "compare": (field + draw(st.sampled_from(["|gt", "|lte"])), draw(st.integers(-3, 12))),
        "null": (field, draw(st.sampled_from([None, [], ""]))),
        "exists": (field + "|exists", draw(st.booleans())),
        "ref": (field + draw(st.sampled_from(["|fieldref", "|fieldref|contains"])), draw(st.sampled_from(NAMES))),
        "bool": (field, draw(st.booleans())),
    }[kind]


detections = st.one_of(
    st.lists(lines(), min_size=1, max_size=3).map(dict),
    st.lists(lines().map(lambda line: dict([line])), min_size=1, max_size=3),
    st.lists(needle, min_size=1, max_size=3),
)
CONDITIONS = ["s1", "s1 and s2", "s1 or s2", "s1 and not s2", "not s1", "not (s1 or s2)", "not (s1 and s2) and s3"]
CONDITIONS += ["1 of s*", "all of s*", "s1 and not 1 of (s2)".replace("(s2)", "s2*"), "(s1 or s2) and (s2 or s3)"]


@st.composite
def documents(draw: st.DrawFn, number: int) -> dict[str, Any]:
    parts = {name: draw(detections) for name in ("s1", "s2", "s3")}
    condition = draw(st.sampled_from(CONDITIONS))
    return {
        "title": f"Rule {number}",
        "id": ID.format(number),
        "logsource": {"product": "test"},
        "detection": {**parts, "condition": condition},
    }


@st.composite
def rule_sets(draw: st.DrawFn) -> list[dict[str, Any]]:
    return [draw(documents(number)) for number in range(draw(st.integers(1, 4)))]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rule_sets(), st.lists(events, min_size=1, max_size=6))
def test_engine_and_oracle_agree(rules: list[dict[str, Any]], stream: list[dict[str, Any]]) -> None:
    parsed = parse_file("rules.yml", yaml.safe_dump_all(rules, allow_unicode=True).encode())
    assert parsed.faults == []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partition, "_WORTH_IT", 0)
        patch.setattr(partition, "_SLICE", 60.0)
        learning = Samples(wanted=2, a_rule=0)
        engine = Engine(RuleSet(parsed.rules, []), routes=ROUTES, resolver_factory=same, samples=learning)
        agree(engine, Oracle.of_documents(rules, ROUTES, same), [*stream, *stream])
    assert learning.room == Samples().room or len(stream) < 2


def agree(engine: Engine, oracle: Oracle, stream: list[dict[str, Any]]) -> None:
    for event in stream:
        full = {"event.module": "test", **event}
        wanted = oracle.match(full, event_class(full))
        assert {rule.id for rule in engine.match(full)} == wanted
        for rule in engine.rules:
            assert engine.explain(rule, full).truth is (rule.id in wanted)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents(1), st.lists(events, min_size=1, max_size=6))
def test_generated_code_decides_as_the_closures_do(document: dict[str, Any], stream: list[dict[str, Any]]) -> None:
    rule = parse_file("rules.yml", yaml.safe_dump(document, allow_unicode=True).encode()).rules[0]
    fast, slow = generated(rule.node), compile_node(rule.node)
    assert [fast(event) for event in stream] == [slow(event) for event in stream]

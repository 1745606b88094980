"""What is wrong with a correlation document is told all at once, each fault at its line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.detect import RuleSet, load_rules
from appliance.detect.correlation import Bounds, Expression, Kind
from appliance.detect.correlation.expression import BadExpression, parse_expression
from appliance.detect.correlation.resolve import MAX_CHAIN, resolve
from appliance.detect.model import ParsedFile
from appliance.detect.parse import parse_file

from .traces import RULES, rule

HEAD = "title: C\ncorrelation:\n"


def parse(body: str) -> ParsedFile:
    return parse_file("c.yml", (HEAD + "".join(f"    {line}\n" for line in dedent(body).strip().splitlines())).encode())


def complete(**changes: str) -> str:
    parts = {"type": "event_count", "rules": "[ra]", "group-by": "[host]", "timespan": "5m", "condition": "{gte: 3}"}
    return "\n".join(f"{key}: {value}" for key, value in {**parts, **changes}.items() if value)


@pytest.mark.parametrize(
    ("changes", "line", "said"),
    [
        ({"type": "event_sum"}, 3, "nieznany rodzaj"),
        ({"rules": "[]"}, 4, "brak reguł"),
        ({"rules": "{a: b}"}, 4, "listą nazw"),
        ({"rules": "[ra, ra]"}, 4, "dwa razy"),
        ({"rules": str([f"r{n}" for n in range(25)])}, 4, "ponad 24"),
        ({"group-by": "[1]"}, 5, "listą nazw"),
        ({"group-by": str([f"f{n}" for n in range(9)])}, 5, "ponad 8"),
        ({"timespan": "5"}, 6, "liczba i jednostka"),
        ({"timespan": "5 m"}, 6, "liczba i jednostka"),
        ({"timespan": "0s"}, 6, "liczba i jednostka"),
        ({"timespan": "100y"}, 6, "dłuższy niż rok"),
        ({"timespan": "[5m]"}, 6, "liczba i jednostka"),
        ({"condition": ""}, 2, "warunek jest konieczny"),
        ({"condition": "ra and rb"}, 7, "warunek jest konieczny"),
        ({"condition": "{gte: 3, min: 2}"}, 7, "nieznany klucz „min”"),
        ({"condition": "{gte: trzy}"}, 7, "musi być liczbą"),
        ({"condition": "{gte: 2.5}"}, 7, "całkowitą"),
        ({"condition": "{gte: -1}"}, 7, "całkowitą"),
        ({"condition": "{gte: true}"}, 7, "musi być liczbą"),
        ({"condition": "{gte: .inf}"}, 7, "musi być liczbą"),
        ({"condition": "{gte: 20000}"}, 7, "próg"),
        ({"condition": "{gt: 5, lt: 6}"}, 7, "nie może być spełniony"),
        ({"condition": "{gte: 5, gt: 6}"}, 7, "jeden warunek"),
        ({"condition": "{eq: 5, gt: 3}"}, 7, "jeden warunek"),
        ({"condition": "{lt: 1}"}, 7, "nie może być spełniony"),
        ({"condition": "{eq: 0}"}, 7, "nie może być spełniony"),
        ({"condition": "{gte: 3, field: x}"}, 7, "nie liczy wartości"),
        ({"condition": "{gte: 3, percentile: 5}"}, 7, "percentile"),
        ({"type": "value_count"}, 7, "wymaga pola"),
        ({"type": "value_sum", "condition": "{gte: 3, field: [a, b]}"}, 7, "kilka pól"),
        ({"type": "value_percentile", "condition": "{gte: 3, field: a}"}, 7, "wymaga percentile"),
        ({"type": "value_percentile", "condition": "{gte: 3, field: a, percentile: 0}"}, 7, "wymaga percentile"),
        ({"type": "value_percentile", "condition": "{gte: 3, field: a, percentile: 101}"}, 7, "wymaga percentile"),
        ({"type": "value_avg", "condition": "{gte: 3, lt: 3, field: a}"}, 7, "nie może być spełniony"),
        ({"type": "temporal", "condition": "{gte: 2}"}, 7, "nie może być spełniony"),
        ({"type": "temporal", "condition": "ra and rb"}, 7, "„rb”, której nie ma"),
        ({"type": "temporal", "rules": "[ra, rb]", "condition": "ra"}, 7, "nie używa reguły „rb”"),
        ({"type": "temporal", "condition": "not ra"}, 7, "sam brak zdarzeń"),
        ({"type": "temporal", "condition": "ra and not ra"}, 7, "nie może być spełniony"),
        ({"type": "temporal", "condition": "(ra"}, 7, "brakuje „)”"),
        ({"type": "temporal", "condition": "ra ra"}, 7, "nie na miejscu"),
        ({"type": "temporal", "condition": "ra and"}, 7, "brakuje nazwy"),
        ({"type": "temporal", "condition": '""'}, 7, "brakuje nazwy"),
        ({"window": "5m"}, 8, "nieznany klucz „window”"),
        ({"generate": "maybe"}, 8, "true albo false"),
        ({"aliases": "[a]"}, 8, "musi być mapą"),
        ({"aliases": "{host: {rb: x, ra: y}}"}, 8, "„rb”, której nie ma"),
        ({"aliases": "{host: {}}"}, 8, "w regule „ra”"),
        ({"aliases": "{other: {ra: x}}"}, 8, "nie używa ani group-by"),
        ({"aliases": "{host: {ra: 5}}"}, 8, "musi być nazwą"),
    ],
)
def test_a_fault_is_told_at_its_line(changes: dict[str, str], line: int, said: str) -> None:
    parsed = parse(complete(**changes))
    assert parsed.correlations == []
    assert [fault.line for fault in parsed.faults if said in fault.message] == [line], parsed.faults


def test_all_faults_come_at_once_with_those_of_the_head() -> None:
    text = "title: 5\nid: x\nlevel: huge\nstatus: new\ntags: [attack]\ncorrelation:\n  type: x\n  timespan: x\n"
    parsed = parse_file("c.yml", text.encode())
    assert sorted({fault.line for fault in parsed.faults}) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_correlation_that_is_no_map_is_a_fault() -> None:
    assert [fault.line for fault in parse_file("c.yml", b"title: C\ncorrelation: [a]\n").faults] == [2]


@pytest.mark.parametrize(
    ("text", "micros"),
    [("45s", 45), ("15m", 900), ("2h", 7200), ("3d", 259_200), ("1w", 604_800), ("1M", 2_629_746), ("1y", 31_556_952)],
)
def test_units_of_time(text: str, micros: int) -> None:
    (found,) = parse(complete(timespan=text)).correlations
    assert found.timespan == micros * 1_000_000


def test_what_is_read() -> None:
    (found,) = parse(
        complete(type="value_count", condition="{field: [a, b], gt: 2, lte: 9}", generate="true")
    ).correlations
    assert found.kind is Kind.VALUE_COUNT
    assert found.condition == Bounds((("gt", 2.0), ("lte", 9.0)), ("a", "b"))
    assert (found.group_by, found.generate, found.level_name) == (("host",), True, "medium")
    (found,) = parse(complete(type="temporal", rules="", condition="ra AND (rb or not rc)")).correlations
    assert found.rules == ("ra", "rb", "rc")
    assert isinstance(found.condition, Expression)
    assert [(term.wanted, sorted(term.barred)) for term in found.condition.terms] == [((0,), [2]), ((0, 1), [])]


def test_the_place_of_generate_is_either(tmp_path: Path) -> None:
    body = "".join(f"    {line}\n" for line in complete().splitlines())
    (found,) = parse_file("c.yml", f"{HEAD}{body}generate: true\n".encode()).correlations
    assert found.generate
    parsed = parse_file("c.yml", f"{HEAD}{body}    generate: false\ngenerate: true\n".encode())
    assert ["dwa razy" in fault.message for fault in parsed.faults] == [True]


def _faults(*bodies: str) -> list[str]:
    texts = [
        f"title: C{n}\nname: c{n}\n" + "correlation:\n" + "".join(f"    {x}\n" for x in body.splitlines())
        for n, body in enumerate(bodies)
    ]
    parsed = parse_file("c.yml", "---\n".join(texts).encode())
    assert parsed.faults == []
    return [str(fault) for fault in resolve([rule(name) for name in RULES], parsed.correlations).faults]


def test_references_are_found_by_name_or_told_at_their_line() -> None:
    assert _faults(complete(rules="[ra, rb]")) == []
    (fault,) = _faults(complete(rules="\n        - ra\n        - nobody"))
    assert fault.startswith("c.yml:7: nie ma reguły „nobody”")


def test_a_cycle_is_a_fault_of_all_in_it_and_on_it() -> None:
    own = complete(rules="[c0]")
    assert ["w kółko" in fault for fault in _faults(own)] == [True]
    faults = _faults(complete(rules="[c1]"), complete(rules="[c2]"), complete(rules="[c0]"), complete(rules="[c1]"))
    assert len(faults) == 4
    assert sum("w kółko" in fault for fault in faults) == 1


def test_a_name_of_two_rules_is_refused() -> None:
    twin = parse_file(
        "twin.yml", b"title: T\nname: ra\nlogsource: {product: test}\ndetection: {s: {a: b}, condition: s}\n"
    )
    (one,) = parse(complete()).correlations
    (fault,) = resolve([rule("ra"), *twin.rules], [one]).faults
    assert "kilka reguł" in fault.message


def test_of_rules_with_one_name_a_live_one_wins_over_retired_ones() -> None:
    (one,) = parse(complete()).correlations
    live, other = replace(rule("ra"), id="live"), replace(rule("ra"), id="other", line=77)
    old = replace(rule("ra"), id="old", status="deprecated", line=88)
    older = replace(rule("ra"), id="older", status="unsupported", line=99)
    for order in ([old, live, older], [live, old], [older, live]):
        found = resolve(order, [one])
        assert found.faults == ()
        assert found.targets[one.id] == (live,)
    assert resolve([old], [one]).targets[one.id] == (old,), "nothing else has the name"
    for rules, lines in (([old, live, other], (live.line, 77)), ([old, older], (88, 99))):
        (fault,) = resolve(rules, [one]).faults
        where = ", ".join(f"rules.yml:{line}" for line in lines)
        assert str(fault).startswith(f"c.yml:4: nazwa „ra” oznacza kilka reguł ({where})"), fault


@pytest.mark.parametrize("backwards", [False, True])
def test_a_chain_as_long_as_a_file_is_a_fault(tmp_path: Path, backwards: bool) -> None:
    base = "title: B\nname: c0\nlogsource: {product: test}\ndetection: {s: {x: y}, condition: s}\n"
    above = [
        f"title: C{n}\nname: c{n}\n"
        f"correlation: {{type: event_count, rules: [c{n - 1}], timespan: 1m, condition: {{gte: 2}}}}\n"
        for n in range(1, 900)
    ]
    file = tmp_path / "chain.yml"
    file.write_text("---\n".join([base, *(reversed(above) if backwards else above)]), "utf-8")
    ruleset = load_rules([file])
    assert sorted(one.name for one in ruleset.correlations) == [f"c{n}" for n in range(1, MAX_CHAIN + 1)]
    assert len(ruleset.faults) == 899 - MAX_CHAIN


def test_a_chain_is_not_endless() -> None:
    bodies = [complete(), *(complete(rules=f"[c{n}]") for n in range(8))]
    assert _faults(*bodies[:8]) == []
    assert any("jedna na drugiej" in fault for fault in _faults(*bodies))


def test_one_id_is_one_rule_or_correlation(tmp_path: Path) -> None:
    identity = "id: 00000000-0000-4000-8000-000000000001\n"
    (tmp_path / "a.yml").write_text(
        f"title: A\n{identity}name: ra\nlogsource: {{product: windows}}\ndetection: {{s: {{a: b}}, condition: s}}\n"
    )
    (tmp_path / "b.yml").write_text(identity + HEAD + "".join(f"    {line}\n" for line in complete().splitlines()))
    for _ in range(2):
        found = load_rules([tmp_path], tmp_path / "cache")
        assert (len(found.rules), len(found.correlations)) == (1, 0)
        assert ["ma już reguła" in fault.message for fault in found.faults] == [True]


def test_the_cache_gives_the_same_correlations(tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "a.yml").write_text(
        "title: A\nname: ra\nlogsource: {product: windows}\ndetection: {s: {a: b}, condition: s}\n"
    )
    (folder / "b.yml").write_text(HEAD + "".join(f"    {line}\n" for line in complete().splitlines()))
    (folder / "c.yml").write_text(
        HEAD
        + "".join(
            f"    {x}\n" for x in complete(type="temporal", condition="ra", aliases="{host: {ra: x}}").splitlines()
        )
    )

    def told(ruleset: RuleSet) -> list[object]:
        names = [name for name in type(ruleset.correlations[0]).__slots__ if not name.startswith("_")]
        return [[getattr(one, name) for name in names] for one in ruleset.correlations]

    first = load_rules([folder], tmp_path / "cache")
    again = load_rules([folder], tmp_path / "cache")
    assert first.correlations[0] is not again.correlations[0]
    assert told(first) == told(again)
    assert [rule.name for rule in again.rules] == ["ra"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["(", ")", " and ", " or ", " not ", "ra", "rb", "rc", " "]), max_size=24))
def test_any_text_is_an_expression_or_a_fault(parts: list[str]) -> None:
    try:
        found = parse_expression("".join(parts), RULES)
    except BadExpression:
        return
    assert found.terms
    assert all(term.wanted for term in found.terms)


@pytest.mark.parametrize(
    "text",
    ["(" * 1000 + "ra" + ")" * 1000, "not " * 1000 + "ra", " and ".join(["(ra or rb)"] * 5000), "ra " * 3000],
)
def test_an_endless_expression_is_a_fault(text: str) -> None:
    with pytest.raises(BadExpression):
        parse_expression(text, RULES)


def test_an_expression_with_too_many_ways_is_a_fault() -> None:
    names = [f"r{number}" for number in range(24)]
    text = " and ".join(f"({names[n]} or {names[n + 1]})" for n in range(0, 24, 2))
    with pytest.raises(BadExpression, match="sposobów"):
        parse_expression(text, names)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["5m", "ra", "event_count"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["type", "rules", "group-by", "timespan", "condition", "aliases", "generate", "x"]), VALUES
    ),
    st.dictionaries(
        st.sampled_from(["id", "level", "status", "tags", "name", "title", "generate", "references"]), VALUES
    ),
)
def test_no_document_breaks_the_reader(body: dict[str, object], head: dict[str, object]) -> None:
    try:
        text = json.dumps({"title": "C", **head, "correlation": body})
    except ValueError:
        return
    parsed = parse_file("c.yml", text.encode("utf-8", "replace"))
    assert parsed.correlations or parsed.faults
    assert all(fault.line == 1 for fault in parsed.faults)


def test_a_rule_is_named_by_its_id_in_any_case(tmp_path: Path) -> None:
    identity = "ABCDEF00-0000-4000-8000-00000000000A"
    base = f"title: R\nid: {identity}\nlogsource: {{product: test}}\ndetection: {{s: {{a: b}}, condition: s}}\n"
    upper = complete(rules=f"[{identity}]")
    lower = complete(rules=f"[{identity.lower()}]", type="temporal", condition="")
    chained = complete(rules=f"[{identity[:-1]}B]")
    documents = [
        f"title: C\nid: {identity[:-1]}{letter}\ncorrelation:\n" + "".join(f"    {x}\n" for x in body.splitlines())
        for letter, body in (("B", upper), ("C", lower), ("D", chained))
    ]
    (tmp_path / "c.yml").write_text("---\n".join([base, *documents]), encoding="utf-8")
    ruleset = load_rules([tmp_path])
    assert ruleset.faults == []
    assert {one.id for one in ruleset.correlations} == {f"{identity[:-1]}{end}".lower() for end in "BCD"}

"""Rules and events that are meant to hurt: each ends in a located fault or costs no more than a bound."""

from __future__ import annotations

import json
from time import process_time
from typing import Any

import pytest
import yaml

from appliance.detect import event_class
from appliance.detect.lines import MAX_ATOMS, MAX_TOLD
from appliance.detect.regexes import SCAN_LIMIT
from appliance.detect.yamldoc import MAX_BYTES
from appliance.normalise import Source, normalise
from tests.appliance.detect.kit import ROUTES, decide, document, engine, one, parse, rule, same
from tests.appliance.detect.oracle import Oracle

#: Rules without a literal that an event must have, and rules that a careless engine takes quadratic time for.
DETECTIONS = [
    "sel: {a|re: '(x+x+)+y'}\ncondition: sel",
    "sel: {a|re|i: '(.*,){11}P'}\ncondition: sel",
    "sel: {a: '*x*x*x*x*x*x*x*y'}\ncondition: sel",
    "sel: {a|contains|all: ['x?x', '?y?']}\ncondition: sel",
    "sel: {a|endswith: 'xy'}\ncondition: not sel",
    "sel: {a: null}\nother: {b|contains: q}\ncondition: sel or not other",
    "sel: {a|exists: false}\ncondition: sel",
    "kw: ['xy', 'x*y*x']\ncondition: kw",
    "kw: {'|re': 'x{3,9}y$'}\ncondition: kw",
    "sel: {a|fieldref|contains: b}\ncondition: not sel",
    "sel: {a|gt: 5}\ncondition: not sel",
    "sel: {a|hour: 5}\ncondition: not sel",
    "sel: {a|cidr: 10.0.0.0/8}\ncondition: sel",
]
RULES = [document(text, number) for number, text in enumerate(DETECTIONS)]
PARSED = [parse(text).rules[0] for text in RULES]
ORACLE = Oracle.of_documents(map(yaml.safe_load, RULES), ROUTES, same)


def said(event: dict[str, Any]) -> list[str]:
    """What the engine finds; each rule explains itself the same way."""
    matcher = engine(*PARSED)
    full = {"event.module": "test", **event}
    found = [one.id for one in matcher.match(full)]
    assert [one.id for one in PARSED if matcher.explain(one, full).truth] == found
    return found


def seconds(event: dict[str, Any]) -> float:
    matcher = engine(*PARSED)
    matcher.match({"event.module": "test"})
    start = process_time()
    matcher.match({"event.module": "test", **event})
    return process_time() - start


@pytest.mark.parametrize(
    "event",
    [
        {"a": "x" * (1 << 20)},
        {"a": "x," * (1 << 19)},
        {"a": "żx" * (1 << 19)},
        {f"field.{number}": "x" * 50 for number in range(10_000)},
        {f"field.{number}": number for number in range(10_000)},
        {"a": ("x" * 200,) * 4096},
        {"a": tuple(range(4096))},
        {"a": "1" * 1_000_000},
        {"a": int("9" * 4000)},
        {"a": "x" * 2000, "b": "x" * 1000},
    ],
    ids=lambda event: f"{len(event)} fields, {len(str(event))} characters",
)
def test_a_large_event_costs_a_bounded_time(event: dict[str, Any]) -> None:
    # Hundreds of times what it takes; what is quadratic takes minutes.
    assert seconds(event) < 10


def test_cost_grows_with_the_length_and_not_with_its_square() -> None:
    text = "x,"
    short, long = seconds({"a": text * 20_000}), seconds({"a": text * 320_000})
    assert long < short * 16 * 8 + 1


@pytest.mark.parametrize(
    "odd",
    [
        {"a": [["x", ["y", [["z"]]]], "xy"]},
        {"a": {"b": [{"c": [1, None, {}]}, []]}, "b": []},
        {"a": [1, "x", None, True, 1.5, {"k": "xy"}], "b": {}},
        {"a": "xy", "A": "x", "á": "y", "a.b": 1, " a ": 2},
        {f"field{number}": [str(number)] * 20 for number in range(900)},
        {"a": "x" * 500_000, "b": "\u202exy\u0000"},
    ],
    ids=lambda odd: str(odd)[:40],
)
def test_any_json_object_becomes_an_event_that_rules_can_be_asked_about(odd: dict[str, Any]) -> None:
    event = normalise(json.dumps({"message": "xy", **odd}).encode(), Source("", 0, importer=True))
    flat = [one for value in event.values() for one in (value if isinstance(value, tuple) else (value,))]
    assert {type(one) for one in flat} <= {str, int, float, bool}
    said({**event, "event.module": "test"})


TRAPS = [
    "\u212a",  # K of Kelvin, whose lower case is ASCII
    "İ",  # lower case of two characters
    "ß",
    "ẞ",
    "ΟΔΟΣ",
    "e\u0301",  # e and a combining acute accent: not é
    "é",
    "\u202egnp.exe",
    "a\x00b",
    "\ud800",
    "ﬁ",  # ligature
    "ǅ",  # title case
    "\U0001f600",
    "\u200b",
]


@pytest.mark.parametrize("trap", TRAPS, ids=ascii)
@pytest.mark.parametrize("form", ["{}", "x{}y", "{}x", "{0}{0}"])
def test_unicode_traps_are_read_alike_on_all_ways(trap: str, form: str) -> None:
    text = form.format(trap)
    for value in (text, text.upper(), text.swapcase(), (text, 1), text + "\n"):
        event = {"event.module": "test", "a": value, "b": trap}
        assert set(said(event)) == ORACLE.match(event, event_class(event))


@pytest.mark.parametrize("trap", [trap for trap in TRAPS if trap.isprintable()], ids=ascii)
def test_a_rule_finds_its_own_trap(trap: str) -> None:
    for line in (f"a: '{trap}'", f"a|contains: '{trap}'", f"a|endswith: '{trap}'", f"a: 'x?{trap}*'"):
        assert decide(one(line), a=f"xx{trap}" if "?" in line else trap)
    assert decide(f"kw: ['{trap}']\ncondition: kw", a=f"aa{trap}bb")


def test_look_alikes_are_not_the_same() -> None:
    assert not decide(one("a: é"), a="e\u0301")
    assert not decide(one("a: ß"), a="ss")
    assert not decide(one("a: 'fi'"), a="ﬁ")
    assert not decide(one("a: İ"), a="i")
    assert decide(one("a: k"), a="\u212a")


def test_a_nul_is_a_character_like_others() -> None:
    assert decide(one('a: "a\\0b"'), a="a\x00b")
    assert not decide(one("a: a"), a="a\x00b")
    assert decide(one("a|contains: b"), a="a\x00b")
    assert decide(one("a: 'a?b'"), a="a\x00b")


def test_keys_that_differ_in_case_are_different_fields() -> None:
    text = "sel: {image: x, Image: y, IMAGE: z}\ncondition: sel"
    assert decide(text, image="x", Image="y", IMAGE="z")
    assert not decide(text, image="y", Image="x", IMAGE="z")


def test_types_may_be_mixed_in_one_field() -> None:
    mixed = (1, "1", True, 1.0, "true", 1.5, "", -1)
    for line in ("a: 1", "a: true", "a: 1.5", "a: ''", "a|lt: 0", "a|contains: ru"):
        assert decide(one(line), a=mixed)
    assert not decide(one("a: null"), a=mixed)
    assert decide(one("a: null"), a=())


BIG = "\n".join(f"    - value{number}" for number in range(20_000))


def loaded(text: str) -> tuple[list[int], float]:
    start = process_time()
    parsed = parse(text)
    assert len(parsed.rules) + len(parsed.faults) >= 1
    return [fault.line for fault in parsed.faults], process_time() - start


def test_a_very_large_rule_is_read_and_matched() -> None:
    start = process_time()
    matcher = engine(rule(f"sel:\n  a|contains:\n{BIG}\ncondition: sel"))
    assert process_time() - start < 30
    assert matcher.match({"event.module": "test", "a": "xvalue19999x"})


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (document(f"s: [{'a, ' * (MAX_ATOMS + 1)}]\ncondition: s"), 6),
        (document(f"s:\n  a|contains:\n{BIG}\ncondition: s and {'s or ' * 50} s"), 20_008),
        (document("s: {a: x}\ncondition: " + "s or " * 13_000 + "s"), 7),
        (document("s: {a: x}\ncondition: " + "(" * 1000 + "s" + ")" * 1000), 7),
        (document("s: {a: x}\ncondition: " + "not (s and " * 500 + "s" + ")" * 500), 7),
        (document("s: " + "[" * 1000 + "x" + "]" * 1000 + "\ncondition: s"), 6),
        (document("s: " + "[" * 30 + "x" + "]" * 30 + "\ncondition: s"), 6),
        (document("s: &a {a: x}\nt: *a\ncondition: s"), 7),
        (document("s: {a: x}\ns: {a: y}\ncondition: s"), 7),
        (document("s: {a: x, a: y}\ncondition: s"), 6),
        (document("s: {a|windash: ' -a -b -c -d -e'}\ncondition: s"), 6),
        (document("s: {a|re: '((x{100}){100}){100}'}\ncondition: s"), 6),
        (document("s: {a|cidr: '" + "1" * 5000 + "/8'}\ncondition: s"), 6),
        (document("s: {a: 1e400}\nt: {a|gt: .nan}\ncondition: s"), 7),
        (document("s: {a: " + "9" * 400 + "}\ncondition: s"), 6),
        ("a: " + "x" * (MAX_BYTES + 1), 1),
    ],
    ids=lambda value: f"{value}" if isinstance(value, int) else f"{len(value)} characters",
)
def test_a_rule_that_is_meant_to_hurt_is_located(text: str, line: int) -> None:
    faults, took = loaded(text)
    assert faults[:1] == [line]
    assert took < 30


def test_a_line_tells_a_bounded_number_of_faults() -> None:
    faults, took = loaded(document("s:\n  a|re:\n" + "    - '('\n" * 20_000 + "condition: s"))
    assert faults == list(range(8, 8 + MAX_TOLD))
    assert took < 30


def test_a_regular_expression_sees_a_bounded_part_of_a_value() -> None:
    assert decide(one("a|re: 'b$'"), a="a" * (SCAN_LIMIT - 1) + "b")
    assert not decide(one("a|re: b"), a="a" * SCAN_LIMIT + "b")
    assert decide(one("a|contains: b"), a="a" * SCAN_LIMIT + "b")


def test_a_value_of_very_many_wildcards_is_a_fault_and_the_most_of_them_are_quick() -> None:
    faults = parse(document(one(f"a: '{'*a?' * 40}'"))).faults
    assert "ponad 64" in faults[0].message
    long, (found,) = "ab" * 500_000, parse(document(one(f"a: '{'*a?' * 31}*z'"))).rules
    matcher = engine(found)
    start = process_time()
    assert matcher.match({"event.module": "test", "a": long}) == []
    assert matcher.match({"event.module": "test", "a": long + "z"}) == [found]
    assert process_time() - start < 2


@pytest.mark.parametrize("pattern", ["a*b?*c", "*b*", "?b*z", "a*?z", "*a*b*z?", "b*", "*y", "a?*b*", "*a??b*z"])
@pytest.mark.parametrize("modifier", ["", "|contains", "|startswith", "|endswith", "|cased"])
def test_a_long_value_is_decided_as_a_short_one(pattern: str, modifier: str) -> None:
    for detection in (one(f"a{modifier}: '{pattern}'"), f"kw: ['{pattern}']\ncondition: kw"):
        matcher = engine(rule(detection))
        for start in ("abc", "bab", "ab żc", ""):
            for end in ("z", "bc", "ab\nz", "yż"):
                long = {"event.module": "test", "a": start + "-" * 140_000 + end}
                assert bool(matcher.match(long)) is decide(detection, a=f"{start}--{end}")

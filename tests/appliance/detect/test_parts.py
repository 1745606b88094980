"""The parts of the engine one by one: folding, literals, memory, routes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.detect import Engine, EventClass, Logsource, RuleSet, event_class
from appliance.detect.clauses import SHORTEST, chosen
from appliance.detect.codegen import generated
from appliance.detect.index import PLACED
from appliance.detect.memo import ENTRIES, Budget, Memo, Samples
from appliance.detect.nodes import All, AnyOf, Atom, Node, Op, negate
from appliance.detect.regexes import SCAN_LIMIT, encoded, required_literals, searcher
from appliance.detect.routes import MAX_CATEGORIES, SHIPPED, parse_routes, shipped_routes
from appliance.detect.selftest import SOURCE
from appliance.detect.values import fold, text
from appliance.hunt.question import question
from appliance.normalise import normalise
from appliance.search.evaluate import matches
from tests.appliance.detect.kit import ROUTES, decide, document, engine, parse, rule, same

PATTERNS = ["a+b", "(foo|bar)x", "x(?:ab)+y", "(?i)Kelvin", "[a-z]{2}ab", "a?bc|de", "^ab.*cd$", "(ab|c)d", "\\bab\\b"]


@given(st.text(max_size=20), st.text(max_size=20))
def test_folding_keeps_length_and_joins(one: str, other: str) -> None:
    assert len(fold(one)) == len(one)
    assert fold(one + other) == fold(one) + fold(other)
    assert fold(fold(one)) == fold(one)


def test_numbers_read_as_texts() -> None:
    assert [text(value) for value in (1, 1.0, 1.5, True, -0.0, 1e300)] == ["1", "1", "1.5", "true", "0", "1e+300"]
    assert text(10**5000).startswith("0x")
    assert text(float("inf")) == "inf"


@settings(max_examples=300)
@given(st.sampled_from(PATTERNS), st.data())
def test_a_regex_match_contains_a_required_literal(pattern: str, data: st.DataObject) -> None:
    value = data.draw(st.from_regex(re.compile(pattern, re.ASCII)))
    needed = required_literals(pattern)
    if needed is not None and searcher(pattern)(encoded(value)) is not None:
        assert any(literal in fold(value) for literal in needed)


def test_a_regex_sees_a_bounded_part_of_a_value() -> None:
    matcher = engine(rule("sel:\n  a|re: 'z$'\ncondition: sel"))
    assert matcher.match({"event.module": "test", "a": "x" * 100 + "z"})
    assert not matcher.match({"event.module": "test", "a": "x" * SCAN_LIMIT + "z"})


def test_a_catastrophic_regex_takes_linear_time() -> None:
    matcher = engine(rule("sel:\n  a|re: '^(a+)+$'\ncondition: sel"))
    assert not matcher.match({"event.module": "test", "a": "a" * 100_000 + "b"})


def test_memory_is_bounded_and_forgets_everything_at_once() -> None:
    budget = Budget(100_000)
    tables = [Memo(budget) for _ in range(3)]
    for number in range(3 * ENTRIES):
        tables[number % 3].keep(f"key {number}", 10, number)
        assert budget.spent <= budget.limit
    assert budget.forgotten > 10
    assert sum(len(table.young) for table in tables) * 170 <= budget.limit


def test_an_older_generation_still_answers() -> None:
    table = Memo(Budget())
    for number in range(ENTRIES + 1):
        table.keep(number, 8, number)
    assert table.young == {ENTRIES: ENTRIES}
    assert table.recall(0) == 0


def test_an_engine_with_little_memory_says_the_same() -> None:
    small = Engine(
        RuleSet([rule("sel:\n  a|contains: x\ncondition: sel")], []), routes=ROUTES, resolver_factory=same, memory=1
    )
    said = [bool(small.match({"event.module": "test", "a": f"{number % 2 * 'x'}{number}"})) for number in range(50)]
    assert said == [False, True] * 25


def test_invented_channels_do_not_pile_up() -> None:
    matcher = engine(rule("sel:\n  a: x\ncondition: sel"))
    for number in range(5000):
        assert matcher.match({"event.module": "test", "winlog.channel": f"c{number}", "a": "x"})
    assert len(matcher._partitions) <= 2048


def test_a_rule_without_any_necessary_clause_is_still_decided() -> None:
    node = rule("sel:\n  a: null\ncondition: sel").node
    assert len(chosen(node)) <= 2
    matcher = engine(rule("a: {f: null}\nb: {g: null}\ncondition: a or b"))
    assert matcher.match({"event.module": "test", "f": "x"})
    assert not matcher.match({"event.module": "test", "f": "x", "g": "x"})


def test_the_class_of_an_event() -> None:
    event: dict[str, Any] = {
        "event.module": "m",
        "winlog.channel": "c",
        "event.code": 7,
        "event.category": ("process", "file"),
    }
    assert event_class(event) == EventClass("m", "c", 7, "process", ("file",))
    many = tuple(map(str, range(1000)))
    assert len(event_class({"event.category": (1, *many, *many)}).categories) == MAX_CATEGORIES
    assert EventClass("m").apart() == [EventClass("m")]


@pytest.mark.parametrize(
    ("categories", "category"),
    [(("configuration", "registry"), "registry_event"), (("host", "process"), "process_creation")],
)
def test_an_event_belongs_to_each_of_its_categories(categories: tuple[str, ...], category: str) -> None:
    text = document("sel:\n  host.name: pc-7\ncondition: sel").replace(
        "product: test", "product: windows\n  category: "
    )
    matcher = Engine(RuleSet(parse(text.replace("category: ", f"category: {category}")).rules, []))
    head = {"host.os.type": "windows", "event.type": "start", "host.name": "pc-7"}
    for words in (categories, categories[::-1], categories[1:], categories[1]):
        record = {**head, "event.category": list(words) if isinstance(words, tuple) else words}
        event = normalise(json.dumps(record).encode(), SOURCE)
        assert matcher.match(event) == list(matcher.rules), words
        assert matcher.explain(matcher.rules[0], event).truth
        asked = question(matcher.rules)
        assert asked is not None
        assert matches(asked, event)
    assert matcher.match({**event, "event.category": categories[:1]}) == []
    assert event_class({"event.code": "7"}) == EventClass("")


def test_process_creation_is_sysmon_and_security() -> None:
    feeds = shipped_routes().feeds(Logsource("windows", "process_creation"))
    sysmon = EventClass("windows.eventlog", "Microsoft-Windows-Sysmon/Operational", 1)
    taken = [EventClass("windows.eventlog", "Security", 4688), sysmon]
    left = [EventClass("windows.eventlog", "Security", 4624), EventClass("windows.eventlog", "Security", 1)]
    assert [any(feed.takes(kind) for feed in feeds) for kind in taken + left] == [True, True, False, False]


def test_registry_rules_ask_for_the_kind_of_change() -> None:
    text = document("sel:\n  TargetObject|contains: RunMRU\ncondition: sel")
    found = parse(text.replace("product: test", "product: windows\n  category: registry_delete")).rules
    matcher = Engine(RuleSet(found, []), resolver_factory=same)
    event: dict[str, Any] = {
        "event.module": "windows.eventlog",
        "winlog.channel": "Microsoft-Windows-Sysmon/Operational",
        "event.code": 12,
        "TargetObject": "HKU\\RunMRU",
    }
    said = [bool(matcher.match({**event, "EventType": kind})) for kind in ("CreateKey", "DeleteKey", "DeleteValue")]
    assert said == [False, True, True]


def test_antivirus_rules_read_defenders_fields() -> None:
    text = document("sel:\n  Signature|contains: Mimikatz\ncondition: sel")
    found = parse(text.replace("product: test", "category: antivirus")).rules
    matcher = Engine(RuleSet(found, []), resolver_factory=same)
    channel = "Microsoft-Windows-Windows Defender/Operational"
    event: dict[str, Any] = {"event.module": "windows.eventlog", "winlog.channel": channel, "event.code": 1116}
    assert matcher.match({**event, "ThreatName": "HackTool:Mimikatz"})
    assert matcher.matched_fields(found[0], {**event, "ThreatName": "HackTool:Mimikatz"}) == {
        "Signature": "HackTool:Mimikatz"
    }


def test_a_log_source_that_nothing_feeds_is_reported() -> None:
    found = parse(document("sel:\n  a: x\ncondition: sel").replace("product: test", "product: okta")).rules
    assert Engine(RuleSet(found, []), resolver_factory=same).unfed == found


def test_category_and_service_together_narrow() -> None:
    feeds = shipped_routes().feeds(Logsource("windows", "process_creation", "security"))
    kinds = [("Security", 4688), ("Microsoft-Windows-Sysmon/Operational", 1)]
    said = [any(feed.takes(EventClass("windows.eventlog", *kind)) for feed in feeds) for kind in kinds]
    assert said == [True, False]


def test_a_route_with_an_unknown_key_is_refused() -> None:
    with pytest.raises(ValueError, match="chanels"):
        parse_routes({"products": {"x": [{"chanels": ["a"]}]}, "services": {}, "categories": {}})


@pytest.mark.corpora
def test_our_routes_cover_what_sigmahq_maps(corpora: Path) -> None:
    theirs = yaml.safe_load((corpora / "sigmahq" / "tests" / "thor.yml").read_text(encoding="utf-8"))["logsources"]
    ours = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    rows = [row for row in theirs.values() if row.get("product") == "windows"]
    assert {row["category"] for row in rows if "category" in row} <= {name[8:] for name in ours["categories"]}
    services = {row["service"] for row in rows if "sources" in row}
    assert services <= {name[8:] for name in ours["services"]}


def test_statistics_are_kept_for_each_rule() -> None:
    one = rule("sel:\n  a|contains: needle\n  b: x\ncondition: sel")
    matcher = engine(one)
    for number in range(10):
        matcher.match({"event.module": "test", "a": f"needle {number}", "b": "x" if number % 2 else "y"})
    assert matcher.stats[one.id].matched == 5
    assert 5 <= matcher.stats[one.id].evaluated <= 10


def many_rules(count: int) -> RuleSet:
    texts = [document(f"a:\n  x|contains: common\n  y: v{n}\ncondition: a", n) for n in range(count)]
    return RuleSet([found for text in texts for found in parse(text).rules], [])


def test_the_first_events_choose_the_clauses() -> None:
    matcher = Engine(many_rules(20), routes=ROUTES, resolver_factory=same, samples=Samples(wanted=10, a_rule=0))
    event = {"event.module": "test", "x": "very common", "y": "v7"}
    said = [[found.title for found in matcher.match({**event, "z": str(number)})] for number in range(400)]
    assert said == [["Rule 7"]] * 400
    (only,) = matcher._partitions.values()
    assert only.learned


def test_what_is_kept_to_learn_from_is_bounded() -> None:
    samples = Samples(wanted=1000, room=20_000, a_rule=0)
    matcher = Engine(many_rules(20), routes=ROUTES, resolver_factory=same, samples=samples)
    for number in range(500):
        matcher.match({"event.module": "test", "x": "a" * 1000, "y": f"{number}"})
        assert samples.room >= 0
    (only,) = matcher._partitions.values()
    assert not only.learned


def test_a_class_cannot_be_poisoned_by_a_value_of_another_type() -> None:
    text = document("sel:\n  a: x\ncondition: sel").replace("product: test", "product: windows\n  service: security")
    matcher = Engine(RuleSet(parse(text).rules, []), resolver_factory=same)
    event: dict[str, Any] = {"event.module": "windows.eventlog", "winlog.channel": "Security", "a": "x"}
    for code in (True, 1.0, 1, "1", True):
        assert len(matcher.match({**event, "event.code": code})) == 1


def test_numbers_and_lists_of_one_shape_are_all_read_for_keywords() -> None:
    matcher = engine(rule("kw: [needle]\ncondition: kw"))
    hay: dict[str, Any] = {"event.module": "test", "a": "x", "b": "y", "c": 1, "d": 2}
    assert not matcher.match(hay)
    changes: dict[str, Any] = {"a": "a needle", "c": "needle", "b": ("x", "needle")}
    for key, value in changes.items():
        assert matcher.match({**hay, key: value})
    assert not matcher.match({**hay, "a": 5, "c": ("x",)})


def test_a_condition_too_large_or_too_deep_for_generated_code_is_still_decided() -> None:
    wide = AnyOf(tuple(Atom("a", Op.CONTAINS, f"<{number}>") for number in range(5000)))
    deep: Node = Atom("a", Op.CONTAINS, "<0>")
    for _ in range(100):
        deep = negate(All((deep, Atom("b", Op.EXISTS))))
    assert generated(wide)({"a": "x<4999>"})
    assert not generated(wide)({"a": "x<5000>"})
    assert generated(deep)({"a": "<0>", "b": "x"}) is True


@pytest.mark.parametrize(
    "detection",
    [
        "sel: {f|contains: [e, s, a]}\ncondition: sel",
        "sel: {f|startswith: e}\nx: {f|endswith: [q, zz]}\ncondition: sel or x",
        "sel: {f|re: '(e|s).*(ow|ys)'}\ncondition: sel",
        "sel: {f: '*e*s*'}\ncondition: sel",
        "kw: [e, s]\ncondition: kw",
    ],
)
def test_texts_that_are_everywhere_are_no_matter_of_the_index(detection: str) -> None:
    one = rule(detection)
    placed = [literal for clause in chosen(one.node) for literal in clause if literal.kind in PLACED]
    assert [literal.text for literal in placed if len(literal.text.encode()) < SHORTEST] == []
    matcher = engine(one)
    for number in range(10):
        matcher.match({"event.module": "test", "f": f"yes {number}"})
    assert matcher.stats[one.id].evaluated == 10, "the rule is billed for each"
    assert matcher.stats[one.id].nanoseconds > 0


OVERRIDE = "\N{RIGHT-TO-LEFT OVERRIDE}"


def test_signs_that_hardly_ever_come_are_found_by_the_index() -> None:
    one = rule(f"sel: {{f|contains: ['🦆', '🐺', '{OVERRIDE}']}}\ncondition: sel")
    matcher = engine(one)
    for number in range(10):
        assert not matcher.match({"event.module": "test", "f": f"zażółć {number}"})
    assert matcher.stats[one.id].evaluated == 0
    assert matcher.match({"event.module": "test", "f": "x🐺y"}) == [one]


@pytest.mark.parametrize(
    ("detection", "value", "truth"),
    [
        ("{f|re: 'a`b'}", "xa`b", True),
        ("{f|re: 'a`b'}", "xA`b", False),
        ("{f|re|i: 'A`B'}", "xa`b", True),
        ("{f|re: '(`|\\^)x'}", "^x", True),
        ("{f|re: '[`^]x'}", "^x", True),
        ("{f|contains: [а, b]}", "А", True),
        ("{f|contains: [а, b]}", "B", True),
        ("{f|contains: [а, б]}", "ab", False),
        ("{f|contains: [а, б]}", "aБb", True),
    ],
)
def test_what_is_asked_before_an_expression_or_a_foreign_text_hides_nothing(
    detection: str, value: str, truth: bool
) -> None:
    assert decide(f"sel: {detection}\ncondition: sel", f=value) is truth

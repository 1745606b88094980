"""Long lists behind placeholders: looked up as one comparison, with the answers of single ones."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance.detect import Engine, RuleSet, among, load_rules
from appliance.detect.nodes import Op, atoms
from appliance.detect.plans import Plans
from appliance.detect.routes import EventClass
from appliance.detect.values import Event

RULE = """
title: A name of a list
id: 5f6f3dc8-64b5-4c0e-9f0d-3b7f9e0f1a01
status: stable
level: high
logsource: {{category: dns}}
detection:
  name: {{'dns.question.name|expand{how}': '{written}'}}
  condition: name
"""
FILTER = """
title: Not this station
id: 5f6f3dc8-64b5-4c0e-9f0d-3b7f9e0f1a02
logsource: {category: dns}
filter:
  rules: [5f6f3dc8-64b5-4c0e-9f0d-3b7f9e0f1a01]
  station: {host.name: scan1}
  condition: not station
"""
MANY = (*(f"Zły{n}.example.com" for n in range(among.FEW)), "a.pl", "example.org")
NAMES = [
    "ZŁY7.example.com",
    "x.zły7.EXAMPLE.com",
    "zły7.example.com.pl",
    "a.pl",
    "ba.pl",
    "b.a.pl",
    "pl",
    "",
    "ſ",
    ".a.pl",
]
KIND = EventClass("network", None, None, "dns")


def loaded(folder: Path, listed: Sequence[str], how: str = "", written: str = "%names%", more: str = "") -> RuleSet:
    (folder / "rule.yml").write_text(RULE.format(how=how, written=written) + (f"---{more}" if more else ""))
    ruleset = load_rules([folder], lists={"names": listed})
    assert ruleset.faults == []
    return ruleset


def event(name: str, **more: str) -> Event:
    return {"event.module": "network", "event.category": "dns", "dns.question.name": name, **more}


def hits(ruleset: RuleSet, names: Sequence[str] = NAMES) -> list[str]:
    engine = Engine(ruleset)
    return [name for name in names if engine.match(event(name))]


@pytest.mark.parametrize(
    ("how", "written"),
    [
        ("", "%names%"),
        ("|endswith", ".%names%"),
        ("|endswith", "%NAMES%"),
        ("|startswith", "%names%"),
        ("", "b%names%"),
    ],
)
def test_a_long_list_finds_what_single_comparisons_find(
    tmp_path: Path, how: str, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = loaded(tmp_path, MANY, how, written)
    (one,) = atoms(many.rules[0].node)
    assert one.op is Op.AMONG
    found = hits(many)
    monkeypatch.setattr(among, "FEW", len(MANY) + 1)
    single = loaded(tmp_path, MANY, how, written)
    assert len(list(atoms(single.rules[0].node))) == len(MANY)
    assert found == hits(single) != []


@pytest.mark.parametrize("listed", [MANY[: among.FEW - 1], (*MANY, "*.org"), (*MANY, "a?b"), (*MANY, "")])
def test_a_short_list_and_one_with_wildcards_stay_single(tmp_path: Path, listed: Sequence[str]) -> None:
    ruleset = loaded(tmp_path, listed)
    assert len(list(atoms(ruleset.rules[0].node))) == len(listed)


def test_escaped_wildcards_are_plain_text(tmp_path: Path) -> None:
    listed = [f"/a{n}.php\\?id=%20{n}\\*" for n in range(among.FEW)]
    ruleset = loaded(tmp_path, listed)
    assert [one.op for one in atoms(ruleset.rules[0].node)] == [Op.AMONG]
    assert hits(ruleset, ["/a7.php?id=%207*", "/a7.phpXid=%207*", "/a7.php?id=%207x"]) == ["/a7.php?id=%207*"]


def test_a_line_of_a_list_among_other_values_stays_single(tmp_path: Path) -> None:
    for how, written in (("|contains", "%names%"), ("|cased", "%names%"), ("", "%names%*"), ("", "*%names%")):
        ruleset = loaded(tmp_path, MANY, how, written)
        assert len(list(atoms(ruleset.rules[0].node))) > 1, (how, written)


def test_it_is_explained_by_the_value_and_the_list(tmp_path: Path) -> None:
    ruleset = loaded(tmp_path, MANY, "|endswith", ".%names%")
    engine, asked = Engine(ruleset), event("www.ZŁY7.example.com")
    leaf = engine.explain(ruleset.rules[0], asked).children[-1]
    assert (leaf.truth, leaf.operator, leaf.wanted) == (True, "among", f".%names% ({len(MANY)})")
    assert leaf.span == (3, 20)
    assert engine.matched_fields(ruleset.rules[0], asked) == {"dns.question.name": "www.ZŁY7.example.com"}


def test_a_filter_beside_it_counts(tmp_path: Path) -> None:
    ruleset = loaded(tmp_path, MANY, more=FILTER)
    gc.collect()
    engine = Engine(ruleset)
    assert engine.match(event("a.pl", **{"host.name": "pc1"})) != []
    assert engine.match(event("a.pl", **{"host.name": "scan1"})) == []


def test_what_an_engine_learned_holds_as_long_as_the_list_does(tmp_path: Path) -> None:
    learned = Engine(loaded(tmp_path, MANY))
    learned.match(event("a.pl"))
    plans: Plans = dict(learned.plans)
    assert b"a.pl" not in plans[KIND]
    again = Engine(loaded(tmp_path, MANY), plans=plans)
    assert again.match(event("a.pl")) != []
    assert again.lessons == 0
    del again, learned
    gc.collect()
    other = Engine(loaded(tmp_path, (*MANY[:-2], "b.pl", "c.pl")), plans=plans)
    assert [bool(other.match(event(name))) for name in ("a.pl", "b.pl")] == [False, True]
    assert other.lessons == 1

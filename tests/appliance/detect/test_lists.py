"""The office's lists: read from files, filled into rules and filters, and missed aloud."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from appliance.detect import Engine, RuleSet, load_rules
from appliance.detect.lists import MAX_VALUES, read_lists
from tests.appliance.detect.kit import ROUTES, document, one, same, write

EVENT = {"event.module": "test"}


def test_text_and_yaml_lists(tmp_path: Path) -> None:
    write(tmp_path, "Admins.txt", "# people\nkowalski\n\n  nowak  \nadm_*\n")
    write(tmp_path, "servers.yaml", "- srv1\n- 12\n")
    write(tmp_path, "readme.md", "not a list")
    found, faults = read_lists(tmp_path)
    assert faults == []
    assert found == {"admins": ("kowalski", "nowak", "adm_*"), "servers": ("srv1", "12")}
    assert read_lists(tmp_path / "none") == ({}, [])


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("a.yaml", b"a: b", 1),
        ("a.yaml", b"- x\n- [y]\n", 1),
        ("a.yaml", b"- x\n- &a y\n- *a\n", 3),
        ("a.txt", b"x\n\xff\n", 2),
        ("a.txt", b"x" * (2 << 20), 1),
        ("a.txt", b"x\n" * (MAX_VALUES + 1), 1),
    ],
)
def test_a_faulty_list_is_located(tmp_path: Path, name: str, content: bytes, line: int) -> None:
    (tmp_path / name).write_bytes(content)
    found, faults = read_lists(tmp_path)
    assert found == {}
    assert [(fault.file, fault.line) for fault in faults] == [(str(tmp_path / name), line)]


def test_one_name_in_two_files_is_a_fault(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "x")
    write(tmp_path, "a.yaml", "- y")
    assert len(read_lists(tmp_path)[1]) == 1


def test_rules_are_filled_also_from_the_cache(tmp_path: Path) -> None:
    rules = write(tmp_path, "rules/a.yml", document(one("user|expand: '%Admins%'"))).parent
    write(tmp_path, "rules/lists/admins.yaml", "- not a rule\n")
    cache = tmp_path / "cache"
    for values, user, wanted in ((("adm_*",), "ADM_1", True), (("other",), "adm_1", False), ((), "adm_1", False)):
        ruleset = load_rules([rules], cache, lists={"admins": values})
        assert ruleset.faults == []
        assert ruleset.rules[0].placeholders == ("Admins",)
        engine = Engine(RuleSet(ruleset.rules, []), routes=ROUTES, resolver_factory=same)
        assert bool(engine.match({**EVENT, "user": user})) is wanted


def test_a_missing_list_is_named_at_its_line_and_costs_only_its_rule(tmp_path: Path) -> None:
    write(tmp_path, "a.yml", document(one("user|expand: '%admins%'")))
    write(tmp_path, "b.yml", document(one("user: x"), 2))
    for _ in range(2):
        ruleset = load_rules([tmp_path], tmp_path / "cache")
        assert [rule.title for rule in ruleset.rules] == ["Rule 2"]
        assert [(fault.line, "rules/lists/admins.txt" in fault.message) for fault in ruleset.faults] == [(7, True)]


def test_an_empty_list_is_no_value_also_under_all(tmp_path: Path) -> None:
    write(tmp_path, "a.yml", document("sel:\n  user|contains|all|expand: [x, '%admins%']\ncondition: sel"))
    ruleset = load_rules([tmp_path], lists={"admins": ()})
    engine = Engine(RuleSet(ruleset.rules, []), routes=ROUTES, resolver_factory=same)
    assert not engine.match({**EVENT, "user": "x"})


def test_lists_that_multiply_are_bounded(tmp_path: Path) -> None:
    write(tmp_path, "a.yml", document(one("user|expand: '%a%%a%%a%'")))
    ruleset = load_rules([tmp_path], lists={"a": tuple(map(str, range(100)))})
    assert [fault.line for fault in ruleset.faults] == [7]


def test_what_a_list_holds_may_not_fit_the_modifier(tmp_path: Path) -> None:
    write(tmp_path, "a.yml", document(one("ip|expand|cidr: '%nets%'")))
    assert load_rules([tmp_path], lists={"nets": ("10.0.0.0/8",)}).faults == []
    assert [fault.line for fault in load_rules([tmp_path], lists={"nets": ("x",)}).faults] == [7]


def test_a_list_is_filled_before_it_is_encoded(tmp_path: Path) -> None:
    lists = {"words": ("IEX", "iwr")}
    write(tmp_path, "a.yml", document(one("a|expand|utf16le|base64offset|contains: '%words%'")))
    ruleset = load_rules([tmp_path], lists=lists)
    engine = Engine(RuleSet(ruleset.rules, []), routes=ROUTES, resolver_factory=same)
    assert engine.match({**EVENT, "a": base64.b64encode(b"xx" + "iwr".encode("utf-16-le") + b"tail").decode()})
    write(tmp_path, "a.yml", document(one("a|base64|expand: '%words%'")))
    assert [fault.line for fault in load_rules([tmp_path], lists=lists).faults] == [7]

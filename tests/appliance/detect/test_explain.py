"""Why a rule did or did not match."""

from __future__ import annotations

from appliance.detect import Tree, Value
from tests.appliance.detect.kit import engine, rule

TEXT = r"""
sel_img:
  Image|endswith: '\powershell.exe'
sel_cli:
  CommandLine|contains|all:
    - ' -enc'
    - 'Żółw'
filter:
  User: SYSTEM
condition: all of sel_* and not filter
"""
EVENT = {"event.module": "test", "Image": "C:\\PowerShell.exe", "CommandLine": "ß x -ENC żÓŁW"}


def leaves(tree: Tree) -> list[Tree]:
    return [tree] if tree.kind == "leaf" else [leaf for child in tree.children for leaf in leaves(child)]


def test_why_a_rule_matched() -> None:
    one = rule(TEXT)
    tree = engine(one).explain(one, EVENT)
    assert tree.truth
    assert {child.name for child in tree.children} == {"sel_img", "sel_cli", ""}
    found = {(leaf.field, leaf.wanted, leaf.truth, leaf.span) for leaf in leaves(tree)}
    assert found == {
        ("Image", "\\powershell.exe", True, (2, 17)),
        ("CommandLine", " -enc", True, (3, 8)),
        ("CommandLine", "żółw", True, (9, 13)),
        ("User", "system", False, None),
    }


def test_why_a_rule_did_not_match() -> None:
    one = rule(TEXT)
    tree = engine(one).explain(one, {**EVENT, "User": "System", "CommandLine": "-enc"})
    assert not tree.truth
    assert [leaf.wanted for leaf in leaves(tree) if not leaf.truth] == [" -enc", "żółw"]
    assert [child.truth for child in tree.children if child.kind == "not"] == [False]


def test_the_fields_that_matched() -> None:
    one = rule(TEXT)
    matched = engine(one).matched_fields(one, EVENT)
    assert matched == {"Image": EVENT["Image"], "CommandLine": EVENT["CommandLine"]}


def test_a_list_shows_the_element_and_a_keyword_its_value() -> None:
    one = rule("sel:\n  a|re: 'b+'\nkw: [needle]\ncondition: sel and kw")
    event: dict[str, Value] = {"event.module": "test", "a": ("x", "żabba"), "other": "hay needle"}
    assert engine(one).matched_fields(one, event) == {"a": "żabba", "keywords": "hay needle"}
    spans = {leaf.field: leaf.span for leaf in leaves(engine(one).explain(one, event))}
    assert spans == {"a": (2, 4), "keywords": (4, 10)}


def test_numbers_and_patterns_are_shown_as_found() -> None:
    one = rule("sel:\n  n|gte: 5\n  p: '*a?c*'\ncondition: sel")
    tree = engine(one).explain(one, {"event.module": "test", "n": 7, "p": "xxABCxx"})
    assert {(leaf.field, leaf.found, leaf.span, leaf.wanted) for leaf in leaves(tree)} == {
        ("n", 7, None, "gte 5"),
        ("p", "xxABCxx", (2, 5), "*a?c*"),
    }


def test_an_event_of_another_source() -> None:
    one = rule("sel:\n  a: x\ncondition: sel")
    tree = engine(one).explain(one, {"event.module": "other", "a": "x"})
    assert (tree.truth, tree.name) == (False, "logsource")

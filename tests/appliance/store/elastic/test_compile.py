"""What queries become: bounded JSON of a few harmless clauses, whatever a person writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given

from appliance.search import Fields, Node, parse
from appliance.search.nodes import And, Not, Or
from appliance.store.elastic.clauses import ALL, NONE, size
from appliance.store.elastic.compile import MAX_CLAUSES, compile_node
from tests.appliance.store.strategies import nodes

ALLOWED = {"bool", "match_all", "match_none", "term", "terms", "wildcard", "range", "exists"}
DEEPEST = 120


def _clauses(query: Any, depth: int = 0) -> Iterator[str]:
    assert depth < DEEPEST
    ((name, body),) = query.items()
    yield name
    if name == "bool":
        for part in ("should", "filter", "must_not"):
            for one in body.get(part, ()):
                yield from _clauses(one, depth + 1)


@given(nodes)
def test_only_harmless_clauses_are_made(node: Node) -> None:
    compiled = compile_node(node)
    for query in (compiled.sure, compiled.doubt, compiled.wide, compiled.narrow, compiled.decided):
        assert set(_clauses(query)) <= ALLOWED
        json.dumps(query)


@pytest.mark.parametrize(
    "text",
    [
        " OR ".join(f"user.name:u{n}*" for n in range(50)),
        "(" * 20 + "a" + ")" * 20,
        "a?b?c?d?e?f?g?h?i",
        '"*) OR (_exists_:x"',
        'message:"/.*(a+)+$/"',
        "x" * 4000,
        "ꟊ" * 4000,
    ],
)
def test_bombs_stay_small(text: str) -> None:
    compiled = compile_node(parse(text, Fields()))
    assert len(json.dumps(compiled.wide)) < 200_000


def test_a_question_with_too_many_clauses_finds_more_and_is_sure_of_nothing() -> None:
    many = " OR ".join(f"user.name:u{n}* process.pid:{n}" for n in range(25))
    part = parse(many, Fields())
    whole = And((*(Or((part, Not(part))) for _ in range(9)), parse("host.name:a", Fields())))
    compiled = compile_node(whole)
    assert 0 < size(compiled.wide) <= MAX_CLAUSES
    assert (compiled.sure, compiled.doubt) == (NONE, ALL)
    assert json.dumps(compile_node(parse("host.name:a", Fields())).wide) in json.dumps(compiled.wide)


def test_special_characters_are_plain_ones() -> None:
    (told,) = [json.dumps(compile_node(parse('message:"a*b?c\\\\d"', Fields())).sure)]
    assert json.dumps("*a\\*b\\?c\\\\d*")[1:-1] in told


@pytest.mark.parametrize(
    "text", ["host.name:a", "user:kow*", "event.code:>5", "source.ip:10.0.0.0/8", "event.start:2026"]
)
def test_everyday_questions_leave_only_what_is_too_long_or_a_number_in_doubt(text: str) -> None:
    doubt = json.dumps(compile_node(parse(text, Fields())).doubt)
    assert "exists" not in doubt

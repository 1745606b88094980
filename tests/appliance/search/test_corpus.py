"""The reference answers every query of the corpus as the file says."""

from __future__ import annotations

from appliance.search import QueryError, matches
from tests.appliance.search.cases import Case, cases, constructs, events, one_of_each, tree_of


def test_the_corpus_walks_each_construct() -> None:
    assert len({case.query for case in cases()}) >= 300
    assert len(events()) >= 30


def test_a_part_of_the_corpus_has_every_construct_of_it() -> None:
    every = set().union(*(constructs(tree_of(case)) for case in cases()))
    assert set().union(*(constructs(tree_of(case)) for case in one_of_each())) == every
    assert len(every) > 100
    assert len(one_of_each()) < len(cases()) / 2


def test_the_reference_answers_the_corpus() -> None:
    wrong = [f"{case}: {fault}" for case in cases() if (fault := difference(case))]
    assert not wrong, "\n".join(wrong)


def difference(case: Case) -> str:
    try:
        tree = tree_of(case)
    except QueryError as error:
        return str(error)
    found = {str(event["event.id"]) for event in events() if matches(tree, event)}
    return f"{sorted(found ^ case.wanted)}" if found != case.wanted else ""

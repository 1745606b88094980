"""The reference answers every query of the corpus as the file says."""

from __future__ import annotations

from appliance.search import Fields, QueryError, matches, parse
from tests.appliance.search.cases import NOW, Case, cases, events

KNOWN = Fields(frozenset(name for event in events() for name in event))


def test_the_corpus_walks_each_construct() -> None:
    assert len({case.query for case in cases()}) >= 300
    assert len(events()) >= 30


def test_the_reference_answers_the_corpus() -> None:
    wrong = [f"{case}: {fault}" for case in cases() if (fault := difference(case))]
    assert not wrong, "\n".join(wrong)


def difference(case: Case) -> str:
    try:
        tree = parse(case.query, KNOWN, lambda: NOW)
    except QueryError as error:
        return str(error)
    found = {str(event["event.id"]) for event in events() if matches(tree, event)}
    return f"{sorted(found ^ case.wanted)}" if found != case.wanted else ""

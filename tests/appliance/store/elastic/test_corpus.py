"""Every engine answers the corpus of queries as its file says: all of it in one, each construct in the others."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.search import matches, parse
from appliance.store import Measure
from appliance.store.elastic.reader import ElasticReader
from appliance.store.shape import encode
from tests.appliance.search.cases import NOW, Case, cases, events, one_of_each
from tests.appliance.store.elastic.conftest import FIRST, Pair
from tests.appliance.store.test_groups import reference, told
from tests.nodes.clusters import clean, settings_for
from tests.nodes.node import Node

pytestmark = pytest.mark.nodes
MEASURES = tuple(map(Measure.parse, ("distinct:user.name", "sum:process.pid", "min:@timestamp", "max:event.code")))


@pytest.fixture(scope="module")
def corpus(every: Node) -> Iterator[ElasticReader]:
    settings = settings_for(every, "corpus")
    with tempfile.TemporaryDirectory() as folder:
        pair = Pair(settings, Path(folder), lambda: NOW)
        pair.store.append(encode([{"event.ingested": NOW, **event} for event in events()]), [], 1)
        pair.store.flush()
        assert not pair.refused
        yield pair.reader
        pair.close()
    clean(every, settings.index)


def test_the_cluster_answers_the_corpus(corpus: ElasticReader, every: Node) -> None:
    asked = cases() if every.engine.name == FIRST else one_of_each()
    wrong = [f"{case}: {fault}" for case in asked if (fault := difference(corpus, case))]
    assert not wrong, "\n".join(wrong)
    assert len(asked) > 80


def difference(reader: ElasticReader, case: Case) -> str:
    found = {str(event["event.id"]) for event in reader.search(case.query, limit=1000).events}
    # What arrived has one field more: when it did.
    return f"{sorted(found ^ case.wanted)}" if found != case.wanted else ""


def test_counts_are_those_of_the_corpus(corpus: ElasticReader) -> None:
    for case in cases()[::25]:
        assert corpus.count(case.query) == len(case.wanted), case


@pytest.mark.parametrize("by", [["host.name"], ["user.name", "event.code"], ["winlog.event_data.LogonType"]])
def test_groups_are_those_of_the_reference(corpus: ElasticReader, by: list[str]) -> None:
    for query in ("", "NOT user.name:kow*", "host.name:/^pc/"):
        tree = parse(query)
        wanted = reference([one for one in events() if matches(tree, one)], by, MEASURES)
        found = corpus.group(query, by, MEASURES, n=1000)
        assert {tuple(map(told, row.key)): (row.count, list(row.measures)) for row in found.rows} == wanted
        assert [row.count for row in found.rows] == sorted((row.count for row in found.rows), reverse=True)

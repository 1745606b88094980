"""The embedded store answers every query of the corpus as the file says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from appliance.store import EmbeddedReader, EmbeddedStore
from appliance.store.shape import encode
from tests.appliance.search.cases import NOW, Case, cases, events


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedReader]:
    folder = tmp_path_factory.mktemp("corpus")
    store = EmbeddedStore(folder, now=lambda: NOW)
    for start in range(0, len(events()), 12):
        store.append(encode(events()[start : start + 12]), [], start + 1)
    store.close()
    reader = EmbeddedReader(folder, now=lambda: NOW)
    yield reader
    reader.close()


def test_the_embedded_store_answers_the_corpus(corpus: EmbeddedReader) -> None:
    wrong = [f"{case}: {fault}" for case in cases() if (fault := difference(corpus, case))]
    assert not wrong, "\n".join(wrong)


def difference(reader: EmbeddedReader, case: Case) -> str:
    found = {str(event["event.id"]) for event in reader.search(case.query, limit=1000).events}
    return f"{sorted(found ^ case.wanted)}" if found != case.wanted else ""

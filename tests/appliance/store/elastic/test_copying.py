"""Copying history between the stores, over a real node: resumable, compared, nothing twice."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from appliance.clock import DAY
from appliance.normalise.model import Event
from appliance.store import EmbeddedReader, EmbeddedStore, StoreUnavailable
from appliance.store.copying import Copied, CopyFault, EmbeddedTarget, copy, digest_of
from appliance.store.elastic.documents import arrival
from appliance.store.elastic.reader import ElasticReader
from appliance.store.elastic.spool import Spool
from appliance.store.elastic.sums import Summed, summed
from appliance.store.elastic.target import ClusterTarget
from appliance.store.elastic.whole import WholeIndices
from appliance.store.shape import encode
from tests.appliance.store.elastic.conftest import Pair
from tests.appliance.store.elastic.corpus import corpus
from tests.appliance.store.test_equality import comparable

pytestmark = pytest.mark.nodes


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[EmbeddedReader]:
    store, reader = EmbeddedStore(tmp_path / "store"), EmbeddedReader(tmp_path / "store")
    store.append(encode(corpus()), [], 7)
    store.close()
    yield reader
    reader.close()


def _by_class(reader: EmbeddedReader | ElasticReader) -> Counter[str]:
    """Return how many events of each class there are; of two at least."""
    found: Counter[str] = Counter()
    for one in reader.usage().days:
        found[one.source_class] += one.events
    assert len(found) > 1
    return found


def _quiet(_: Copied) -> None:
    """Tell nobody."""


def test_history_goes_over_and_back_the_same(embedded: EmbeddedReader, pair: Pair, tmp_path: Path) -> None:
    target = ClusterTarget(pair.settings, pair.spool)
    there = copy(embedded, target.put, pair.reader, tmp_path / "there.json", _quiet)
    target.close()
    assert there.events == len(corpus()) == pair.reader.count("")
    assert _by_class(pair.reader) == _by_class(embedded)

    home = EmbeddedTarget(tmp_path / "back")
    again = EmbeddedReader(tmp_path / "back")
    back = copy(pair.reader, home.put, again, tmp_path / "back.json", _quiet)
    home.close()
    found = again.search("", limit=1000).events
    assert back.events == len(found)
    wanted = {str(event["event.id"]): comparable(event) for event in corpus()}
    assert {str(event["event.id"]): comparable(event) for event in found} == wanted
    days = {arrival(event) // DAY for event in corpus()}
    store = EmbeddedStore(tmp_path / "back", now=lambda: (max(days) + 1) * DAY)
    assert {one.day for one in store.plan()[0]} == days
    store.close()
    again.close()


def test_a_copy_that_stopped_goes_on(embedded: EmbeddedReader, pair: Pair, tmp_path: Path) -> None:
    target = ClusterTarget(pair.settings, pair.spool)
    left = [3]

    def failing(events: Sequence[Event]) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise StoreUnavailable("away")
        target.put(events)

    progress = tmp_path / "copy.json"
    done = Copied()
    for _ in range(200):
        left[0] = 3
        try:
            done = copy(embedded, failing, pair.reader, progress, _quiet)
            break
        except StoreUnavailable:
            continue
    target.close()
    assert done.events == pair.reader.count("") == len(corpus())
    whole = copy(embedded, lambda _: None, pair.reader, tmp_path / "whole.json", _quiet)
    assert (whole.events, whole.digest) == (done.events, done.digest)
    assert done.digest == digest_of(corpus())


def test_what_was_copied_is_in_the_sums_of_its_hours_once(
    embedded: EmbeddedReader, pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.store.append(encode(corpus()[::3]), [], 1)
    pair.store.flush()
    target = ClusterTarget(pair.settings, pair.spool)
    cut = Spool.settle
    monkeypatch.setattr(Spool, "settle", _cut_off)
    with pytest.raises(InterruptedError):
        copy(embedded, target.put, pair.reader, tmp_path / "copy.json", _quiet)
    monkeypatch.setattr(Spool, "settle", cut)
    copy(embedded, target.put, pair.reader, tmp_path / "copy.json", _quiet)
    copy(embedded, target.put, pair.reader, tmp_path / "again.json", _quiet)
    target.close()
    whole = WholeIndices(pair.settings)
    there = [one for index in whole.indices() for one in summed(index, whole.documents(index))]
    whole.close()
    with closing(sqlite3.connect(pair.spool)) as db:
        rows = db.execute("SELECT name, hour, events, digest FROM hour ORDER BY name, hour").fetchall()
    assert rows == sorted((one.index, one.hour, one.events, one.digest) for one in there)
    assert sum(one.events for one in there) == len(corpus())


def _cut_off(_spool: Spool, _sums: Sequence[Summed], _now: int) -> None:
    raise InterruptedError


def test_what_does_not_come_back_as_it_was_is_named(embedded: EmbeddedReader, pair: Pair, tmp_path: Path) -> None:
    target = ClusterTarget(pair.settings, pair.spool)

    def changing(events: Sequence[Event]) -> None:
        target.put([{**event, "host.name": "inny"} for event in events])

    with pytest.raises(CopyFault, match="odczytano"):
        copy(embedded, changing, pair.reader, tmp_path / "copy.json", _quiet)
    with pytest.raises(CopyFault):
        copy(embedded, lambda _: None, pair.reader, tmp_path / "copy.json", _quiet)
    target.close()


def test_a_digest_is_that_of_the_events_alone() -> None:
    events = corpus()[:9]
    turned = [dict(reversed(event.items())) for event in reversed(events)]
    assert digest_of(events) == digest_of(turned)
    assert digest_of(events) != digest_of([*events[:8], {**events[8], "x": 1}])
    assert digest_of([{"a": 1}]) != digest_of([{"a": "1"}]) != digest_of([{"a": True}])

"""An event is written once, in whatever index it already is: of another class, or of all classes."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.clock import DAY
from appliance.normalise.model import Event
from appliance.store.classes import Classes, shipped
from appliance.store.elastic.target import ClusterTarget
from appliance.store.elastic.writer import ElasticStore
from appliance.store.shape import encode
from tests.appliance.store.conftest import NOW, Make
from tests.appliance.store.elastic.conftest import Pair
from tests.appliance.store.elastic.test_crash import check_sums
from tests.appliance.store.elastic.test_retention import put_undivided

pytestmark = pytest.mark.nodes
BEFORE = Classes((), shipped().ordinary)
"""As if a version before had known no class but the ordinary one."""


@pytest.fixture
def events(make: Make) -> list[Event]:
    return [make(n, **{"event.ingested": NOW, "event.category": "iam"}) for n in range(6)]


def _before(pair: Pair, folder: Path, events: list[Event]) -> None:
    """Let a box that knew other classes write events."""
    store = ElasticStore(
        pair.settings, folder / "before.db", lambda *_: None, lambda: NOW, background=False, classes=BEFORE
    )
    store.append(encode(events), [], 1)
    store.flush()
    store.close()


def _classes(pair: Pair) -> dict[str, int]:
    return {one.source_class: one.events for one in pair.reader.usage().days}


def test_an_event_whose_class_changed_is_not_written_again(pair: Pair, tmp_path: Path, events: list[Event]) -> None:
    _before(pair, tmp_path, events[:4])
    assert pair.store.known(encode(events)).tolist() == [True] * 4 + [False] * 2
    pair.store.append(encode(events), [], 1)
    pair.store.flush()
    assert _classes(pair) == {"ordinary": 4, "accountability": 2}
    assert pair.reader.count("") == 6


def test_nor_is_one_that_lies_with_all_classes(each: Pair, events: list[Event]) -> None:
    put_undivided(each, events[:4])
    again: list[Event] = [{**event, "event.ingested": NOW + n % 2 * DAY} for n, event in enumerate(events)]
    each.store.append(encode(again), [], 1)
    each.store.flush()
    assert (_classes(each)[""], each.reader.count("")) == (4, 6)
    check_sums(each.settings, each.spool)


def test_nor_does_a_copy_write_it_again(pair: Pair, tmp_path: Path, events: list[Event]) -> None:
    _before(pair, tmp_path, events[:2])
    target = ClusterTarget(pair.settings, pair.spool, lambda: NOW)
    target.put(events)
    target.put(events)
    target.close()
    assert _classes(pair) == {"ordinary": 2, "accountability": 4}

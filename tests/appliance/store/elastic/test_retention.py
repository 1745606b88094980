"""Retention by class over real nodes of each engine, and which indices it chooses."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from appliance.clock import DAY
from appliance.home import Home
from appliance.journal import DeadLetters
from appliance.normalise.model import Event
from appliance.settings import Settings, StoreSettings
from appliance.store import Hold, Keeping
from appliance.store.classes import ORDINARY
from appliance.store.elastic.check import check
from appliance.store.elastic.columns import items_of
from appliance.store.elastic.documents import Item
from appliance.store.elastic.mapping import digest, index_name
from appliance.store.elastic.retention import Index, choose
from appliance.store.elastic.spool import Spool
from appliance.store.elastic.writer import ElasticStore
from appliance.store.opening import open_writer
from appliance.store.retention import choose as choose_segments
from appliance.store.shape import encode
from tests.appliance.store.conftest import NOW, Make
from tests.appliance.store.elastic.conftest import Pair
from tests.appliance.store.test_retention import segment

KEPT = "accountability"
KEEPING = Keeping({ORDINARY: 4, KEPT: 30})


def of_both(make: Make, *days: int) -> list[Event]:
    """Return an ordinary event and one of accountability that arrived so many days ago each."""
    return [
        make(2 * n + m, **{"event.ingested": NOW - day * DAY, "@timestamp": NOW - day * DAY, **fields})
        for n, day in enumerate(days)
        for m, fields in enumerate([{}, {"event.category": ("file", "iam")}])
    ]


def put_undivided(pair: Pair, events: Iterable[Event]) -> list[Item]:
    """Let events go to indices of all classes, as parcels do that a version before left in the spool."""
    items = items_of(pair.settings.index, encode(list(events)), None, "before")
    spool = Spool(pair.spool, 1 << 30)
    spool.put(items, [], 0, NOW)
    spool.close()
    pair.store.flush()
    return items


def names(http: httpx.Client, pair: Pair) -> set[str]:
    return set(http.get(f"/{pair.settings.index}-*").raise_for_status().json())


@pytest.mark.nodes
def test_each_class_goes_at_its_own_age(each: Pair, http_of_each: httpx.Client, make: Make) -> None:
    each.store.append(encode(of_both(make, 0, 5, 31)), [], 1)
    each.store.flush()
    gone = each.store.retain(KEEPING)
    assert (gone.events, gone.segments, gone.early) == (3, 3, 0)
    index = each.settings.index
    left = {(0, ORDINARY), (0, KEPT), (5, KEPT)}
    assert names(http_of_each, each) == {index_name(index, NOW - day * DAY, name) for day, name in left}
    today = NOW // DAY
    assert [(one.day, one.source_class, one.events) for one in each.reader.usage().days] == [
        (today - 5, KEPT, 1),
        (today, KEPT, 1),
        (today, ORDINARY, 1),
    ]
    assert [(one.day, one.reason) for one in each.store.deletions()] == [
        (today - 31, "age"),
        (today - 31, "age"),
        (today - 5, "age"),
    ]
    assert each.reader.count("event.category:iam") == 2
    assert each.store.retain(KEEPING).events == 0


@pytest.mark.nodes
def test_an_index_of_all_classes_stays_as_long_as_the_longest(
    each: Pair, http_of_each: httpx.Client, make: Make
) -> None:
    put_undivided(each, of_both(make, 5, 31))
    old = [f"{each.settings.index}-{day}-{digest()}" for day in ("2026.12.15", "2027.01.10")]
    assert names(http_of_each, each) == {*old}
    assert {one.source_class for one in each.reader.usage().days} == {""}
    told = check(StoreSettings(kind="elasticsearch", retention_days=90, elasticsearch=each.settings))
    assert [one.values for one in told if one.code == "undivided"] == [{"indices": 2, "days": 730}]
    assert each.store.retain(KEEPING).events == 2
    assert names(http_of_each, each) == {old[1]}
    assert each.reader.count("") == 2


@pytest.mark.nodes
def test_a_hold_keeps_the_class_that_has_what_is_held(pair: Pair, http: httpx.Client, make: Make) -> None:
    pair.store.append(encode(of_both(make, 40)), [], 1)
    pair.store.append(encode([make(9, **{"event.ingested": NOW - 40 * DAY, "host.name": "PC-9"})]), [], 2)
    pair.store.flush()
    gone = pair.store.retain(replace(KEEPING, holds=[Hold(0, NOW * 2, "pc-9")]))
    assert (gone.events, gone.held) == (1, 2)
    assert names(http, pair) == {index_name(pair.settings.index, NOW - 40 * DAY, ORDINARY)}


@pytest.mark.nodes
@pytest.mark.parametrize(("days", "classes"), [(730, {""}), (90, {ORDINARY, KEPT})])
def test_classes_share_an_index_while_all_are_kept_equally_long(
    pair: Pair, tmp_path: Path, make: Make, days: int, classes: set[str]
) -> None:
    box = Home(tmp_path / "box")
    box.create()
    settings = Settings(
        store=StoreSettings(kind="elasticsearch", retention_days=days, elasticsearch=pair.settings),
    )
    with closing(DeadLetters(box.dead_letters)) as letters, closing(open_writer(box, settings, letters)) as store:
        assert isinstance(store, ElasticStore)
        store.append(encode(of_both(make, 0)), [], 1)
        store.flush()
    assert {one.source_class for one in pair.reader.usage().days} == classes


def test_what_is_kept_longest_goes_last_past_the_bytes_as_in_segments() -> None:
    rows = [(day, name) for day in (90, 95, 99, 100) for name in ("", ORDINARY, KEPT)]
    indices = [Index(f"{day}-{name}", day, name, 1, 100) for day, name in rows]
    segments = [segment(n, day, name, 100) for n, (day, name) in enumerate(rows)]
    for room in (None, 0, 300, 350, 600, 900, 10_000):
        keeping = Keeping({ORDINARY: 7, KEPT: 30}, room)
        ours, theirs = (
            choose(indices, 100, keeping, lambda one: one.name == "95-ordinary"),
            choose_segments(segments, 100, keeping, lambda one: (one.day, one.source_class) == (95, ORDINARY)),
        )
        told = [(why, one.day, one.source_class) for why, one in ours.gone]
        assert told == [(one.reason, one.day, one.source_class) for one in theirs.gone]
        assert (ours.held, ours.over) == (len(theirs.held), theirs.over)
        if room == 350:
            assert told[:2] == [("age", 90, ORDINARY), ("size", 99, ORDINARY)]
            assert told[2:4] == [("size", 90, ""), ("size", 90, KEPT)]
            assert all(day < 100 for _, day, _ in told)

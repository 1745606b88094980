"""Kill -9 at every step of shipping to a cluster, copying and retention: nothing lost, nothing twice, sums right."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from agent.wire.event import event_id
from appliance.clock import DAY
from appliance.home import Home
from appliance.settings import ElasticSettings
from appliance.store import EmbeddedReader, EmbeddedStore
from appliance.store.elastic.reader import ElasticReader
from appliance.store.elastic.spool import Spool
from appliance.store.elastic.sums import summed
from appliance.store.elastic.whole import WholeIndices
from appliance.store.shape import encode
from tests.appliance.store.conftest import NOW
from tests.appliance.store.elastic.works import BATCH, made, told
from tests.appliance.store.killing import KILLS, Place, Slaughter, Work, between

pytestmark = pytest.mark.nodes
WORKS = "tests.appliance.store.elastic.works"
SPOOL, BULK = "appliance.store.elastic.spool:Spool", "appliance.store.elastic.bulk:Bulk"
RETENTION = "appliance.store.elastic.retention:Retention"
SHIPPED = between(f"{SPOOL}.put", f"{BULK}.write", f"{SPOOL}.done")
BOTH = between(f"{SPOOL}.put", "appliance.store.segments:write", "appliance.store.writer:EmbeddedStore.append")
COPIED = between(f"{SPOOL}.mean", f"{BULK}._send", f"{SPOOL}.settle", "appliance.store.copying:Copied.save")
DELETED = between(f"{SPOOL}.mean_deletion", f"{RETENTION}._delete", f"{SPOOL}.note_deletions")


@pytest.fixture
def slaughter(tmp_path: Path) -> Iterator[Slaughter]:
    with Slaughter(tmp_path, [WORKS]) as ready:
        yield ready
    print(f"\n{ready.killed} kills")


def ids(settings: ElasticSettings, spool: Path) -> set[str]:
    """Return the ids of the cluster's events, each of which must be there once."""
    with closing(ElasticReader(settings, spool)) as reader:
        found = [str(event["event.id"]) for event in reader.between(0, NOW * 2, 100_000) or []]
    assert len(found) == len(set(found))
    return set(found)


def check_sums(settings: ElasticSettings, spool: Path) -> None:
    """Compare the sums that the evidence chain gets with those of the documents that are there."""
    with closing(WholeIndices(settings)) as whole:
        there = [one for index in whole.indices() for one in summed(index, whole.documents(index))]
    with closing(sqlite3.connect(spool)) as db:
        rows = db.execute("SELECT name, hour, events, digest FROM hour ORDER BY name, hour").fetchall()
    assert rows == sorted((one.index, one.hour, one.events, one.digest) for one in there)


@pytest.mark.parametrize(("work", "places"), [("ship", SHIPPED), ("ship_both", BOTH)])
def test_shipping_that_is_killed(
    settings: ElasticSettings, home: Home, slaughter: Slaughter, work: str, places: list[Place]
) -> None:
    def upto(last: int) -> Work:
        return Work(f"{WORKS}:{work}", [told(settings), str(home.root), last])

    slaughter.run(upto(1))
    seconds, last = slaughter.timed(upto(2)), 2
    for at in slaughter.attempts(places, seconds):
        last += 1
        assert slaughter.run(upto(last), at) or isinstance(at, float), at
    assert not slaughter.run(upto(last))
    wanted = {str(event["event.id"]) for batch in range(1, last + 1) for event in made(batch)}
    assert ids(settings, home.spool) == wanted
    check_sums(settings, home.spool)
    if work == "ship_both":
        with closing(EmbeddedReader(home.store)) as reader:
            assert reader.count("") == len(wanted)
    assert slaughter.killed >= len(places) + KILLS // 2


def test_a_copy_that_is_killed(settings: ElasticSettings, home: Home, slaughter: Slaughter) -> None:
    work = Work(f"{WORKS}:copy", [told(settings), str(home.root)])
    with closing(EmbeddedStore(home.store, now=lambda: NOW)) as source:

        def grow(batch: int) -> None:
            source.append(encode(made(batch)), [], batch)

        grow(0)
        slaughter.run(work)
        grow(1)
        seconds = slaughter.timed(work)
        batches = count(2)
        for at in slaughter.attempts(COPIED, seconds):
            grow(next(batches))
            assert slaughter.run(work, at) or isinstance(at, float), at
        assert not slaughter.run(work)
    assert len(ids(settings, home.spool)) == next(batches) * BATCH
    check_sums(settings, home.spool)
    with closing(Spool(home.spool, 1 << 30)) as spool:
        assert not spool.meant()


def test_retention_that_is_killed(settings: ElasticSettings, home: Home, slaughter: Slaughter) -> None:
    today, kept = NOW // DAY, 30
    retain = Work(f"{WORKS}:retain", [told(settings), str(home.root), NOW, kept])
    old = list(range(today - kept - 2, today - kept))
    wanted: list[int] = []

    def ship(first: int, days: list[int]) -> None:
        assert not slaughter.run(Work(f"{WORKS}:ship_days", [told(settings), str(home.root), first, days]))

    ship(0, [today])
    ship(5, old)
    wanted += old
    seconds = slaughter.timed(retain)
    for number, at in enumerate(slaughter.attempts(DELETED, seconds), 1):
        days = [day - 2 * number for day in old]
        ship(10 * number, days)
        wanted += days
        assert slaughter.run(retain, at) or isinstance(at, float), at
        check_settled(settings, home, slaughter, retain)
    with closing(Spool(home.spool, 1 << 30)) as spool:
        assert sorted(one.day for one in spool.deletions()) == sorted(wanted)
    assert ids(settings, home.spool) == {event_id(0), event_id(1)}


def check_settled(settings: ElasticSettings, home: Home, slaughter: Slaughter, retain: Work) -> None:
    """Let the next run settle what the killed one left, and compare what is written with what is there."""
    assert not slaughter.run(retain)
    check_sums(settings, home.spool)
    with closing(Spool(home.spool, 1 << 30)) as spool:
        assert not spool.deleting()

"""Two nodes, one of them killed while the box writes: nothing is lost, nothing is there twice, and the box says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from appliance.normalise.model import Event
from appliance.settings import ElasticSettings, StoreSettings
from appliance.store.elastic.check import check
from appliance.store.elastic.finding import Weight
from appliance.store.elastic.reader import ElasticReader
from appliance.store.elastic.writer import ElasticStore
from appliance.store.shape import encode
from tests.appliance.store.conftest import NOW, Make
from tests.e2e.box import wait_for
from tests.nodes.clusters import second, settings_for
from tests.nodes.node import Node

pytestmark = pytest.mark.nodes
EVENTS, PARCELS, KILLED = 3000, 30, 12


@pytest.fixture
def other(node: Node, tmp_path: Path) -> Iterator[Node]:
    """A second node of the cluster, ready."""
    with second(node, tmp_path / "b") as joined:
        joined.launch()
        joined.ready()
        yield joined


def test_a_node_that_dies_while_the_box_writes(node: Node, other: Node, make: Make, tmp_path: Path) -> None:
    settings = settings_for(node, "two", hosts=[other.url, node.url], shards=4)
    events = [make(n) for n in range(EVENTS)]
    size = EVENTS // PARCELS
    store = ElasticStore(settings, tmp_path / "spool.db", _refuse, lambda: NOW)
    reader = ElasticReader(settings, tmp_path / "spool.db")
    with node.http() as client:
        for at in range(PARCELS):
            store.append(encode(events[at * size : (at + 1) * size]), [], at + 1)
            if at == KILLED:
                wait_for("the first parcels to be in the cluster", lambda: store.standing().events < size, 60)
                wait_for("copies on both nodes", lambda: _shards(client) == 8, 60)
                acknowledged = _ids(reader)
                other.kill()
                assert len(acknowledged) > KILLED * size - size
        wait_for("the rest to be in the cluster that is left", lambda: not store.standing().events, 60)
        assert acknowledged <= _ids(reader) == {str(event["event.id"]) for event in events}
        assert reader.count("") == reader.stats().events == EVENTS
        (silent,) = _warnings(settings)
        assert other.url in silent
        assert "nie odpowiada, Czujka używa pozostałych" in silent
        other.launch()
        other.ready()
        wait_for("the node to catch up", lambda: _shards(client) == 8, 60)
        # The cluster has an index of its own, too, whose copy comes when it comes.
        wait_for("nothing to be wrong any more", lambda: not _warnings(settings), 60)
        assert reader.count("") == EVENTS
    reader.close()
    store.close()


def _refuse(item: object, reason: str) -> None:
    raise AssertionError(f"{item}: {reason}")


def _ids(reader: ElasticReader) -> set[str]:
    found: list[Event] = reader.between(0, NOW * 2, EVENTS) or []
    ids = {str(event["event.id"]) for event in found}
    assert len(ids) == len(found)
    return ids


def _shards(client: httpx.Client) -> int:
    """Return how many shards of the test's index answer, copies among them."""
    return int(client.get("/_cluster/health/two-*").raise_for_status().json()["active_shards"])


def _warnings(settings: ElasticSettings) -> list[str]:
    """Return what the box finds wrong, but for what every node of the tests has: no watch over its disk."""
    found = check(
        StoreSettings(kind="elasticsearch", retention_days=30, days={"accountability": 30}, elasticsearch=settings)
    )
    return [one.text("pl") for one in found if one.weight is not Weight.GOOD and one.code != "unguarded"]

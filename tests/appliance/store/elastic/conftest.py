"""Fixtures over real nodes. Every test that uses one is in the group `nodes`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import httpx
import pytest

from appliance.settings import ElasticSettings
from appliance.store.elastic.documents import Item
from appliance.store.elastic.reader import ElasticReader
from appliance.store.elastic.writer import ElasticStore
from tests.appliance.store.conftest import NOW
from tests.nodes.clusters import settings_for
from tests.nodes.engines import ENGINES
from tests.nodes.node import Node

FIRST = "elasticsearch-9"
_numbers = count()


@pytest.fixture(scope="session")
def node(nodes: dict[str, Node]) -> Node:
    """A node of the engine that is tested in full, ready."""
    found = nodes[FIRST]
    found.ready()
    return found


@pytest.fixture(scope="session", params=ENGINES)
def every(nodes: dict[str, Node], request: pytest.FixtureRequest) -> Node:
    """A node of each engine, ready."""
    found = nodes[request.param]
    found.ready()
    return found


@pytest.fixture
def settings_of_every(every: Node) -> ElasticSettings:
    """As `settings`, in each engine."""
    return settings_for(every, f"test-{next(_numbers)}")


@pytest.fixture
def settings(node: Node) -> ElasticSettings:
    """Settings with indices of the test's own; they go with the node."""
    return settings_for(node, f"test-{next(_numbers)}")


class Pair:
    """A writer that ships when it is told to, and a reader, over one spool. `refused` has what the cluster refused."""

    def __init__(self, settings: ElasticSettings, folder: Path, now: Callable[[], int] = lambda: NOW) -> None:
        self.refused: list[tuple[Item, str]] = []
        self.settings, self.spool = settings, folder / "spool.db"
        self.store = ElasticStore(settings, self.spool, self._refuse, now, background=False)
        self.reader = ElasticReader(settings, self.spool, now=now)

    def _refuse(self, item: Item, reason: str) -> None:
        self.refused.append((item, reason))

    def close(self) -> None:
        self.reader.close()
        self.store.close()


@pytest.fixture
def pair(settings: ElasticSettings, tmp_path: Path) -> Iterator[Pair]:
    with ExitStack() as stack:
        made = Pair(settings, tmp_path)
        stack.callback(made.close)
        yield made


@pytest.fixture
def http(node: Node) -> Iterator[httpx.Client]:
    """The node of `pair`, asked past the box."""
    with node.http() as client:
        yield client


@pytest.fixture
def each(settings_of_every: ElasticSettings, tmp_path: Path) -> Iterator[Pair]:
    """A pair over a node of each engine."""
    made = Pair(settings_of_every, tmp_path)
    yield made
    made.close()


@pytest.fixture
def http_of_each(every: Node) -> Iterator[httpx.Client]:
    """The node of `each`, asked past the box."""
    with every.http() as client:
        yield client

"""All engines of one test session: started one after another beside the tests, each waited for when it is needed."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from appliance.settings import ElasticSettings
from tests.nodes.engines import ENGINES
from tests.nodes.install import NodeFault
from tests.nodes.node import PASSWORD, USER, Node

JOINED = "elasticsearch-9"
"""The engine whose cluster a second node may join."""
_MORE = {JOINED: {"discovery.type": "multi-node", "node.name": "a", "cluster.initial_master_nodes": "a"}}


@contextmanager
def second(first: Node, folder: Path) -> Iterator[Node]:
    """Give a node that holds data of the cluster of `JOINED`, not yet launched; indices that are there stay apart."""
    (folder / "config").mkdir(parents=True)
    for name in ("node.pem", "node.key"):
        shutil.copy(first.folder / "config" / name, folder / "config" / name)
    node = Node(
        first.engine,
        folder,
        more={
            "discovery.type": "multi-node",
            "discovery.seed_hosts": (first.folder / "logs" / "transport.ports").read_text("utf-8").split()[0],
            "node.name": "b",
            "node.roles": "data",
            "node.attr.room": "b",
        },
    )
    with first.http() as client:
        apart = {"index.routing.allocation.exclude.room": "b"}
        some = {"expand_wildcards": "open", "allow_no_indices": "true", "ignore_unavailable": "true"}
        client.put("/*/_settings", json=apart, params=some).raise_for_status()
    try:
        yield node
    finally:
        node.kill()


@contextmanager
def running(folder: Path) -> Iterator[dict[str, Node]]:
    """Start a node of every engine in the background, the one that most tests need first, and end them."""
    nodes = {name: Node(engine, folder / name, more=_MORE.get(name, {})) for name, engine in ENGINES.items()}
    starting = threading.Thread(target=_start, args=(list(nodes.values()),))
    starting.start()
    try:
        yield nodes
    finally:
        starting.join()
        for node in nodes.values():
            node.kill()


def _start(nodes: Sequence[Node]) -> None:
    # Beside each other they would all be late.
    for node in nodes:
        with suppress(NodeFault):  # told by `ready` to the test that needs the node
            node.launch()
            node.ready()


def settings_for(node: Node, index: str, **more: object) -> ElasticSettings:
    """Return the settings with which a box reaches a node, with all rights."""
    given: dict[str, object] = {"hosts": [node.url], "index": index}
    if node.engine.secure:
        given |= {"ca_file": node.certificate, "user": USER, "password": PASSWORD}
    else:
        given |= {"engine": "opensearch"}
    return ElasticSettings.model_validate({**given, **more})


def clean(node: Node, index: str) -> None:
    """Delete the indices whose names begin so, by exact name."""
    with node.http() as client:
        for name in client.get(f"/{index}-*", params={"expand_wildcards": "all"}).raise_for_status().json():
            client.delete(f"/{name}").raise_for_status()

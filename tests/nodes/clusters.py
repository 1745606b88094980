"""All engines of one test session: started at once, each waited for when a test first needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.settings import ElasticSettings
from tests.nodes.engines import ENGINES
from tests.nodes.node import PASSWORD, USER, Node


@contextmanager
def running(folder: Path) -> Iterator[dict[str, Node]]:
    """Start a node of every engine in the background, and end them."""
    nodes = {name: Node(engine, folder / name) for name, engine in ENGINES.items()}
    try:
        for node in nodes.values():
            node.launch()
        yield nodes
    finally:
        for node in nodes.values():
            node.stop()


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

"""Fixtures of the whole suite."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from appliance.home import CHECKOUT, Home

if TYPE_CHECKING:
    from tests.nodes.node import Node

# How long one example takes says more of the machine than of the code. The suite draws the same examples each time, so
# that its verdict is the commit's; `CZUJKA_EXAMPLES=random` looks for more (ten times as many, other ones each time).
settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("random", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("CZUJKA_EXAMPLES", "same"))


def corpora_root() -> Path:
    """Return where the public corpora lie: `CZUJKA_CORPORA`, else beside the checkout."""
    return Path(os.environ.get("CZUJKA_CORPORA", CHECKOUT.parent / "shared" / "data"))


_BOXES = Path(__file__).parent / "e2e"
_FIRST = ("kernel", "nodes")


@pytest.hookimpl(tryfirst=True)  # pytest-xdist's own hook reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say what must not be torn apart when workers share the tests out, and let the longest begin."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
    items.sort(key=_turn)


def _group(item: pytest.Item) -> str:
    """Tests of one file share what they need; the kernel's audit is one for all, and so are the search nodes."""
    if item.get_closest_marker("root"):
        return "kernel"
    return "nodes" if item.get_closest_marker("nodes") else str(item.path)


def _turn(item: pytest.Item) -> int:
    group = _group(item)
    if group in _FIRST:
        return _FIRST.index(group)
    return len(_FIRST) + (_BOXES not in item.path.parents)


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The public corpora of docs/corpora.md; the suite leaves this group out where they are missing."""
    return corpora_root()


@pytest.fixture(scope="session")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Node]]:
    """A real search node of every engine, started in the background at the first need and ended with the session."""
    from tests.nodes.clusters import running  # noqa: PLC0415 - for the group `nodes` alone

    with running(tmp_path_factory.mktemp("nodes")) as started:
        yield started


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty state folder."""
    made = Home(tmp_path / "home")
    made.create()
    return made

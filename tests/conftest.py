"""Fixtures of the whole suite."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from appliance.home import CHECKOUT, Home

if TYPE_CHECKING:
    from tests.nodes.node import Node
    from tests.wine.bed import Windows

# How long one example takes says more of the machine than of the code. The suite draws the same examples each time, so
# that its verdict is the commit's; `CZUJKA_EXAMPLES=random` looks for more (ten times as many, other ones each time).
settings.register_profile("same", deadline=None, derandomize=True, max_examples=30)
settings.register_profile("random", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("CZUJKA_EXAMPLES", "same"))


def corpora_root() -> Path:
    """Return where the public corpora lie: `CZUJKA_CORPORA`, else beside the checkout."""
    return Path(os.environ.get("CZUJKA_CORPORA", CHECKOUT.parent / "shared" / "data"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let whole boxes begin: workers that share files out should not wait for the longest at the end."""
    boxes = Path(__file__).parent / "e2e"
    items.sort(key=lambda item: boxes not in item.path.parents)


def pytest_collection_finish() -> None:
    """Leave the tests themselves, which stay to the end, out of each search for garbage."""
    gc.collect()
    gc.freeze()


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


@pytest.fixture(scope="session")
def windows() -> Iterator[Windows]:
    """A Windows with Python under wine, in a prefix of this session's own."""
    from tests.wine.bed import running  # noqa: PLC0415 - for the group `wine` alone

    with running() as started:
        yield started


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty state folder."""
    made = Home(tmp_path / "home")
    made.create()
    return made

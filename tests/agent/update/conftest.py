"""A box for the tests of one module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.agent.box import FakeBox


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeBox]:
    made = FakeBox(tmp_path_factory.mktemp("box"))
    yield made
    made.down()

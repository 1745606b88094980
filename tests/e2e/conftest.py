"""What the stories share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.box import Box


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A running box of the module's own."""
    with Box(tmp_path_factory.mktemp("box")) as made:
        yield made

"""One box for all bad input that a running box must survive, started with broken rules in the office's own folder."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.bad.rules import BROKEN
from tests.e2e.bad.tools import signed_in
from tests.e2e.box import Box


@pytest.fixture(scope="package")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    made = Box(tmp_path_factory.mktemp("bad"))
    made.home.create()
    for name, rule in BROKEN.items():
        (made.home.rules / name).write_bytes(rule.content)
    with made:
        yield made


@pytest.fixture(scope="package")
def officer(box: Box) -> Iterator[httpx.Client]:
    """A browser's session of the first administrator."""
    client = signed_in(box)
    yield client
    client.close()

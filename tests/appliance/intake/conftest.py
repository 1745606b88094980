"""One running gateway for the tests of the intake."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.appliance.intake.box import NUMBERS, Box, Station, running_box


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with running_box(tmp_path_factory.mktemp("box")) as box:
        yield box


@pytest.fixture
def station(box: Box) -> Station:
    """A station that no other test has."""
    return box.station(next(NUMBERS))

"""A migrated state database for the tests of whatever keeps something in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from appliance.state.database import open_sessions
from tests.appliance.state.fresh import fresh_state


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[sessionmaker[Session]]:
    engine = fresh_state(f"sqlite:///{tmp_path / 'state.db'}")
    yield open_sessions(engine)
    engine.dispose()

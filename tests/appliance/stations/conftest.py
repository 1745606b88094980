"""A migrated state database: migrated once, copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from appliance.state.database import open_sessions, open_state
from appliance.state.migrate import migrate


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "state.db"
    engine = open_state(f"sqlite:///{path}")
    migrate(engine)
    engine.dispose()
    return path


@pytest.fixture
def sessions(tmp_path: Path, migrated: Path) -> Iterator[sessionmaker[Session]]:
    path = tmp_path / "state.db"
    shutil.copy(migrated, path)
    engine = open_state(f"sqlite:///{path}")
    yield open_sessions(engine)
    engine.dispose()

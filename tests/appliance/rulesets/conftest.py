"""The state database of an office whose rules are under test."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session, sessionmaker

from appliance.home import Home
from appliance.state.database import open_sessions, open_state
from appliance.state.migrate import migrate


@pytest.fixture
def sessions(home: Home) -> sessionmaker[Session]:
    engine = open_state(f"sqlite:///{home.state}")
    migrate(engine)
    return open_sessions(engine)

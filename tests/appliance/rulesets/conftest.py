"""The state database of an office whose rules are under test."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session, sessionmaker

from appliance.home import Home
from appliance.state.database import open_sessions
from tests.appliance.state.fresh import fresh_state


@pytest.fixture
def sessions(home: Home) -> sessionmaker[Session]:
    engine = fresh_state(f"sqlite:///{home.state}")
    return open_sessions(engine)

"""An office with two days of events and one rule that finds some of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from tests.appliance.hunt.kit import Office, day_of_events


@pytest.fixture
def office(tmp_path: Path, sessions: sessionmaker[Session]) -> Office:
    made = Office(tmp_path, sessions)
    made.put_rules(1)
    made.keep(day_of_events())
    return made

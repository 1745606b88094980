"""What was known at a moment in the past, and what came and went since another."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session, sessionmaker

from appliance.clock import DAY
from appliance.state.database import writing
from appliance.state.models import Agent
from appliance.state.stations import StationWeakness, WeaknessAcceptance
from appliance.vulnerabilities import accepted
from appliance.vulnerabilities.history import moved

OLD, NEW = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
START, END = 100 * DAY, 130 * DAY


def weakness(agent: str, name: str, since: int, gone_at: int | None = None) -> StationWeakness:
    return StationWeakness(
        agent_id=agent, name=name, source="osv", product=f"p-{name}", version="1", since=since, gone_at=gone_at
    )


@pytest.fixture
def session(sessions: sessionmaker[Session]) -> Session:
    with writing(sessions) as made:
        for number, agent in enumerate((OLD, NEW)):
            made.add(Agent(id=agent, hostname=f"PC-{number}", certificate="0", expires_at=0, enrolled_at=0))
        made.add_all(
            [
                weakness(OLD, "CVE-1", START - DAY),
                weakness(OLD, "CVE-2", START - DAY, START + DAY),
                weakness(OLD, "CVE-3", START + DAY),
                weakness(OLD, "CVE-4", START + DAY, START + 2 * DAY),
                weakness(OLD, "CVE-5", END + DAY),
                weakness(OLD, "CVE-6", START - DAY, END + DAY),
                weakness(NEW, "CVE-1", START + DAY),
            ]
        )
        row = WeaknessAcceptance(name="CVE-6", reason="x", who="anna", created_at=START, until=END + 9 * DAY)
        row.withdrawn_at = END + DAY
        made.add(row)
    return sessions()


def test_what_came_and_went_counts_for_stations_known_before(session: Session) -> None:
    with session:
        assert moved(session, START, END) == ({OLD: 1}, {OLD: 1})


def test_a_past_moment_knows_its_own_weaknesses_and_acceptances(session: Session) -> None:
    with session:
        then = accepted.known_at(session, END)
        assert [(one.name, sorted(one.stations.values()), bool(one.accepted)) for one in then] == [
            ("CVE-1", ["PC-0", "PC-1"], False), ("CVE-3", ["PC-0"], False), ("CVE-6", ["PC-0"], True)]  # fmt: skip
        assert accepted.in_force_at(session, START - 1) == []
        assert accepted.in_force_at(session, END + 2 * DAY) == []

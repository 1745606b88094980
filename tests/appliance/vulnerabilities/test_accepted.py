"""What is known of the stations that are there."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session, sessionmaker

from appliance.clock import DAY
from appliance.state.database import writing
from appliance.state.models import Agent, AgentState
from appliance.state.stations import StationMatched, StationWeakness
from appliance.vulnerabilities import accepted

NOW = 100 * DAY


@pytest.fixture
def session(sessions: sessionmaker[Session]) -> Session:
    """A station of each state: all have one weakness in common, and each has one of its own."""
    with writing(sessions) as made:
        for state in AgentState:
            made.add(Agent(id=state, hostname=f"PC-{state}", certificate="0", expires_at=0, enrolled_at=0, state=state))
            made.add(StationMatched(agent_id=state, fingerprint="0", at=NOW, judged=True, left_out=0))
            for name in ("CVE-1", f"CVE-{state}"):
                made.add(StationWeakness(agent_id=state, name=name, source="osv", product="p", version="1", since=1))
    return sessions()


def test_stations_that_are_gone_do_not_count(session: Session) -> None:
    with session:
        found = {one.name: sorted(one.stations) for one in accepted.known(session, NOW)}
        assert found == {
            "CVE-1": ["active", "quarantine"], "CVE-active": ["active"], "CVE-quarantine": ["quarantine"],
        }  # fmt: skip
        assert accepted.compared(session) == 2


@pytest.mark.parametrize(("state", "there"), [("active", True), ("revoked", False), ("replaced", False)])
def test_what_only_stations_have_that_are_gone_cannot_be_accepted(session: Session, state: str, there: bool) -> None:
    wish = accepted.Wish(f"CVE-{state}", "stara stacja", NOW + DAY)
    with session:
        if there:
            assert accepted.accept(session, wish, "anna", NOW).name == wish.name
        else:
            with pytest.raises(accepted.AcceptanceFault, match="accept_unknown"):
                accepted.accept(session, wish, "anna", NOW)


def test_an_acceptance_need_not_name_stations_that_are_gone(session: Session) -> None:
    with session:
        for agent in ("active", "quarantine"):
            accepted.accept(session, accepted.Wish("CVE-1", "sieć odcięta", NOW + DAY, agent), "anna", NOW)
        (common,) = (one for one in accepted.known(session, NOW) if one.name == "CVE-1")
        assert common.accepted is not None

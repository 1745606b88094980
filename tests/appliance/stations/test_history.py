"""What stations said at a moment in the past, from what they say now and what changed."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session, sessionmaker

from appliance.clock import DAY, HOUR
from appliance.normalise import Event
from appliance.state.database import writing
from appliance.state.models import Agent
from appliance.stations import history, sink
from appliance.stations.fresh import BELIEVED, STALE
from appliance.stations.history import Verdict, verdicts_at
from tests.appliance.stations.telling import AGENT, START, Machine, finding

Sessions = sessionmaker[Session]


@pytest.fixture
def office(sessions: Sessions) -> Sessions:
    with writing(sessions) as session:
        session.add(Agent(id=AGENT, hostname="PC-1", certificate="0", expires_at=0, enrolled_at=0))
    return sessions


def take(sessions: Sessions, *events: Event) -> None:
    for event in events:
        with writing(sessions) as session:
            sink.take(session, [event], START + 30 * DAY)


def at(sessions: Sessions, moment: int, heard_since: int = 0) -> dict[str, Verdict]:
    with sessions() as session:
        return {name: verdict for (_, name), verdict in verdicts_at(session, moment, heard_since).items()}


def test_changes_are_undone_back_to_the_moment(office: Sessions) -> None:
    take(
        office,
        finding("firewall", "fail", 1, START, reason="disabled"),
        finding("firewall", "unknown", 2, START + DAY, reason="timeout"),
        finding("firewall", "pass", 3, START + 2 * DAY),
        finding("screen_lock", "pass", 1, START + 2 * DAY),
    )
    assert at(office, START - 1)["firewall"] == Verdict("fail", "disabled")  # of before the first telling, the oldest
    assert at(office, START + HOUR) == {"firewall": Verdict("fail", "disabled")}
    assert at(office, START + DAY) == {"firewall": Verdict("unknown", "timeout")}
    now = {"firewall": Verdict("pass", ""), "screen_lock": Verdict("pass", "")}
    assert at(office, START + 2 * DAY) == now


def test_what_was_not_said_again_is_left_out(office: Sessions) -> None:
    take(office, finding("firewall", "pass", 1, START), finding("screen_lock", "pass", 1, START))
    take(office, finding("firewall", "pass", 2, START + 5 * DAY))
    assert set(at(office, START + 6 * DAY, heard_since=START + DAY)) == {"firewall"}
    assert set(at(office, START + 6 * DAY)) == {"firewall", "screen_lock"}


def test_what_was_not_confirmed_for_too_long_was_unknown_at_the_moment(office: Sessions) -> None:
    take(office, finding("firewall", "pass", 1, START))
    told_at = START + 30 * DAY
    assert at(office, told_at + BELIEVED) == {"firewall": Verdict("pass", "")}
    assert at(office, told_at + BELIEVED + 1) == {"firewall": Verdict("unknown", STALE)}


def test_a_station_whose_changes_are_forgotten_is_not_guessed_at(
    office: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink, "MAX_CHANGES", 3)
    monkeypatch.setattr(history, "MAX_CHANGES", 3)
    machine = Machine()
    take(office, finding("firewall", "fail", 1, START), finding("firewall", "pass", 2, START + HOUR))
    for number in range(6):
        with writing(office) as session:
            sink.take(session, machine.round(bash={"package.version": str(number)}), START + DAY)
    assert at(office, START) == {}

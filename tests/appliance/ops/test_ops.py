"""The loss ledger and the heartbeats."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session, sessionmaker

from appliance.clock import HOUR, MINUTE
from appliance.ops.health import ALIVE, beat, role_states
from appliance.ops.losses import losses, record_gap, spread, total
from appliance.state.database import writing

NOW = 1_780_000_000_000_000 // HOUR * HOUR


def gap(identity: str, **fields: object) -> dict[str, object]:
    event = {"event.id": identity, "@timestamp": NOW, "host.name": "PC-7", "gap.cause": "audit_lost", "gap.count": 5}
    return event | {"gap.from": NOW, "gap.to": NOW + MINUTE} | fields


def test_a_gap_counts_once_and_adds_up(sessions: sessionmaker[Session]) -> None:
    with writing(sessions) as session:
        assert record_gap(session, gap("a"))
        assert not record_gap(session, gap("a"))
        assert record_gap(session, gap("b", **{"gap.count": 7}))
    with sessions() as session:
        assert [(row.host, row.cause, row.count) for row in losses(session, NOW, NOW + HOUR)] == [
            ("PC-7", "audit_lost", 12)
        ]
        assert (total(session, NOW, NOW + HOUR), total(session, NOW + HOUR, NOW + 2 * HOUR)) == (12, 0)


@pytest.mark.parametrize(
    "fields",
    [
        {"gap.count": -1},
        {"gap.count": "many"},
        {"gap.count": 1 << 80},
        {"gap.from": NOW + HOUR, "gap.to": 0},
        {"gap.from": "x", "gap.to": None, "gap.cause": "y" * 500},
        {"host.name": "\ud800"},
    ],
)
def test_a_strange_gap_is_still_noted(sessions: sessionmaker[Session], fields: dict[str, object]) -> None:
    with writing(sessions) as session:
        assert record_gap(session, gap("a", **fields))
    with sessions() as session:
        assert losses(session, 0, NOW + HOUR)


@given(st.integers(0, NOW), st.integers(0, NOW), st.integers(0, 10**9))
def test_the_hours_of_a_gap_add_up(start: int, length: int, count: int) -> None:
    shares = spread(start, start + length, count)
    assert sum(share for _, share in shares) == count
    assert 1 <= len(shares) <= 14 * 24
    assert all(hour % HOUR == 0 for hour, _ in shares)
    assert shares[-1][0] <= start + length < shares[-1][0] + HOUR


def test_a_role_lives_as_long_as_it_beats(sessions: sessionmaker[Session]) -> None:
    beat(sessions, "gateway", {"batches": 1}, NOW)
    beat(sessions, "gateway", {"batches": 2}, NOW + MINUTE)
    with sessions() as session:
        alive = {state.role: state.alive for state in role_states(session, NOW + MINUTE + ALIVE)}
        assert alive == {"gateway": True, "pipeline": False, "web": False, "jobs": False}
        first = role_states(session, NOW)[0]
        assert (first.alive, first.detail) == (True, {"batches": 2})
        assert not role_states(session, NOW + MINUTE + ALIVE + 1)[0].alive

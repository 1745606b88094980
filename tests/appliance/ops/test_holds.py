"""Legal hold: who sets it, what it is of, how it ends, and that the audit log and the chain have it."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from appliance.clock import DAY
from appliance.ops import holds
from appliance.ops.holds import HoldFault, Wish
from appliance.state.models import Alert, Operation
from appliance.store import Hold

NOW = 20_000 * DAY


def alert(session: Session, agent: str | None) -> int:
    row = Alert(
        rule_id="r", title="t", level=3, entity="PC-1", host="PC-1", agent_id=agent, first_event_at=5, last_event_at=9,
        created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row.id


def test_a_hold_acts_until_it_is_lifted_and_both_are_in_the_audit_log(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        row = holds.add(session, Wish(" sprawa 7 ", 10, 20, "PC-1"), "anna", NOW)
        number = row.id
        assert holds.for_store(session, NOW) == [Hold(10, 20, "PC-1")]
    with sessions.begin() as session:
        holds.lift(session, number, "ewa", NOW + 1)
        assert holds.for_store(session, NOW + 1) == []
        with pytest.raises(HoldFault, match="hold_not_in_force"):
            holds.lift(session, number, "ewa", NOW + 2)
        with pytest.raises(HoldFault, match="hold_not_in_force"):
            holds.lift(session, 77, "ewa", NOW + 2)
    with sessions() as session:
        said = [(one.who, one.action, one.detail["reason"]) for one in session.scalars(select(Operation))]
        (row,) = holds.newest(session)
    assert said == [("anna", "hold.set", "sprawa 7"), ("ewa", "hold.lifted", "sprawa 7")]
    assert (row.lifted_by, row.lifted_at, holds.acts(row, NOW)) == ("ewa", NOW + 1, False)


def test_a_hold_with_an_end_ends_by_itself_and_it_is_said_once(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        holds.add(session, Wish("x", 10, 20, until=NOW + DAY), "anna", NOW)
        assert holds.note_ended(session, NOW + DAY - 1) == 0
        assert len(holds.for_store(session, NOW + DAY - 1)) == 1
        assert holds.for_store(session, NOW + DAY) == []
        assert [holds.note_ended(session, NOW + DAY + n) for n in range(2)] == [1, 0]
    with sessions() as session:
        assert [one.action for one in session.scalars(select(Operation))] == ["hold.set", "hold.ended"]


@pytest.mark.parametrize(("agent", "host"), [("a" * 36, "PC-1"), (None, "")])
def test_a_hold_of_an_alert_has_its_time_and_its_only_host(
    sessions: sessionmaker[Session], agent: str | None, host: str
) -> None:
    """Events of a correlation may come from several hosts."""
    with sessions.begin() as session:
        holds.add(session, Wish("x", alert_id=alert(session, agent)), "anna", NOW)
        assert holds.for_store(session, NOW) == [Hold(5, 10, host)]


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (Wish("", 1, 2), "hold_reason"),
        (Wish("  ", 1, 2), "hold_reason"),
        (Wish("x"), "hold_range"),
        (Wish("x", 1), "hold_range"),
        (Wish("x", 2, 2), "hold_range"),
        (Wish("x", 1, 2, until=NOW), "hold_until"),
        (Wish("x", alert_id=5), "hold_no_alert"),
    ],
)
def test_what_is_no_hold_is_refused(sessions: sessionmaker[Session], wish: Wish, code: str) -> None:
    with sessions() as session, pytest.raises(HoldFault, match=code):
        holds.add(session, wish, "anna", NOW)


def test_there_is_a_bound_of_holds(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        for n in range(holds.MOST):
            holds.add(session, Wish("x", n, n + 1, until=NOW + 2 if n else NOW + 1), "anna", NOW)
        with pytest.raises(HoldFault, match="hold_too_many"):
            holds.add(session, Wish("x", 1, 2), "anna", NOW)
        assert holds.add(session, Wish("x" * 600, 1, 2), "anna", NOW + 1).reason == "x" * holds.REASON

"""Counting rows up: numbers add up by key, what is newest replaces, and one statement serves all rows."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, event, select
from sqlalchemy.orm import Session, sessionmaker

from appliance.home import Home
from appliance.state.database import open_sessions
from appliance.state.models import RuleState
from appliance.state.upsert import add_up
from tests.appliance.state.fresh import fresh_state

ROWS = [{"rule_id": f"r{number}", "matched_at": 10, "hits": number} for number in range(300)]


def _sessions(home: Home) -> sessionmaker[Session]:
    engine = fresh_state(f"sqlite:///{home.state}")
    return open_sessions(engine)


def test_numbers_add_up_and_the_newest_replaces(home: Home) -> None:
    statements: list[str] = []
    with _sessions(home).begin() as session:
        event.listen(session.connection(), "before_cursor_execute", _noting(statements))
        add_up(session, RuleState, ("rule_id",), [], latest=("matched_at",))
        assert not statements
        add_up(session, RuleState, ("rule_id",), ROWS, latest=("matched_at",))
        again = [{"rule_id": "r7", "matched_at": 30, "hits": 2}, {"rule_id": "r7", "matched_at": 20, "hits": 1}]
        add_up(session, RuleState, ("rule_id",), again, latest=("matched_at",))
        assert len(statements) == 2
        found = {row.rule_id: (row.matched_at, row.hits) for row in session.scalars(select(RuleState))}
    assert len(found) == 300
    assert found["r7"] == (20, 10)
    assert found["r8"] == (10, 8)


def _noting(statements: list[str]) -> Callable[..., None]:
    def note(_connection: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    return note

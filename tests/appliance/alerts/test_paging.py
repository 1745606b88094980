"""Pages of rows: each row once, in order, both ways; a cursor of another list is none."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from appliance.alerts.cursor import BadCursor, encode
from appliance.alerts.paging import page
from appliance.ops.operations import record
from appliance.state.models import Operation

#: Two moments; of several rows at one moment the number decides.
MOMENTS = (5, 7, 5, 7, 5)
KEYS = [Operation.at, Operation.id]


@pytest.fixture
def session(sessions: sessionmaker[Session]) -> Session:
    with sessions.begin() as session:
        for at in MOMENTS:
            record(session, "anna", "user.changed", "jan", at)
    return sessions()


@pytest.mark.parametrize("limit", [1, 2, 5, 6])
@pytest.mark.parametrize("descending", [True, False])
def test_every_row_comes_once_and_in_order(session: Session, limit: int, descending: bool) -> None:
    found: list[tuple[int, int]] = []
    after: str | None = None
    with session:
        for _ in MOMENTS:
            rows, after = page(session, select(Operation), KEYS, after, limit, descending=descending)
            assert 0 < len(rows) <= limit
            found += [(row.at, row.id) for row in rows]
            if after is None:
                break
    assert after is None
    assert found == sorted(((at, number) for number, at in enumerate(MOMENTS, 1)), reverse=descending)


def test_a_cursor_of_another_list_is_refused(session: Session) -> None:
    with session, pytest.raises(BadCursor):
        page(session, select(Operation), KEYS, encode(1), 2)

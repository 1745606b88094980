"""The outbox: what is put in, what is due, when it is given up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from appliance.clock import DAY, HOUR, SECOND
from appliance.deliver import due, enqueue, record
from appliance.deliver.outbox import MAX_TARGET, MAX_TRIES, pause_after, target_of
from appliance.settings import Mail, Settings, Webhook
from appliance.state.database import open_state
from appliance.state.models import Alert, Attempt, Base, Outbox
from tests.appliance.deliver.samples import NOW, sample_alert

SETTINGS = Settings(
    mail=Mail(recipients=["a@urzad.pl", "b@urzad.pl"]),
    webhooks=[Webhook(url="https://hook.urzad.pl/x")],
    min_level=2,
)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    engine = open_state(f"sqlite:///{tmp_path / 'state.db'}")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        yield session
    engine.dispose()


def stored(session: Session, level: int = 3) -> Alert:
    alert = sample_alert(level=level)
    session.add(alert)
    session.flush()
    return alert


def test_each_target_gets_one_message(session: Session) -> None:
    alert = stored(session)
    for _ in range(2):
        enqueue(session, [alert], SETTINGS, NOW)
        session.flush()
    assert sorted((message.channel, message.target) for message in due(session, NOW)) == [
        ("email", "a@urzad.pl"),
        ("email", "b@urzad.pl"),
        ("webhook", "https://hook.urzad.pl/x"),
    ]


@pytest.mark.parametrize(("level", "messages"), [(1, 0), (2, 3), (4, 3)])
def test_the_level_decides(session: Session, level: int, messages: int) -> None:
    enqueue(session, [stored(session, level)], SETTINGS, NOW)
    assert len(due(session, NOW)) == messages


def test_a_message_leaves_with_its_alert_or_not_at_all(session: Session) -> None:
    session.commit()
    enqueue(session, [stored(session)], SETTINGS, NOW)
    session.rollback()
    assert session.scalar(select(func.count()).select_from(Outbox)) == 0


def test_a_recipient_named_twice_gets_one_message(session: Session) -> None:
    twice = Settings(mail=Mail(recipients=["a@urzad.pl", "a@urzad.pl"]))
    enqueue(session, [stored(session)], twice, NOW)
    assert len(due(session, NOW)) == 1


def test_a_delivered_message_is_never_due_again(session: Session) -> None:
    enqueue(session, [stored(session)], SETTINGS, NOW)
    first = due(session, NOW)[0]
    record(session, first.id, None, NOW + 1)
    assert first.id not in [message.id for message in due(session, NOW + 10 * DAY)]
    attempt = session.scalars(select(Attempt)).one()
    assert (attempt.outbox_id, attempt.ok, attempt.at, attempt.detail) == (first.id, True, NOW + 1, "")


def test_tries_grow_apart_and_end_within_a_day(session: Session) -> None:
    one = Settings(mail=Mail(recipients=["a@urzad.pl"]))
    enqueue(session, [stored(session)], one, NOW)
    moment, moments = NOW, []
    for _ in range(MAX_TRIES):
        (message,) = due(session, moment)
        moments.append(moment)
        record(session, message.id, "connection refused", moment)
        row = session.get_one(Outbox, message.id)
        assert row.state == "failed" or not due(session, row.next_at - 1)
        moment = row.next_at
    assert due(session, moment + 10 * DAY) == []
    assert session.get_one(Outbox, 1).state == "failed"
    assert session.scalar(select(func.count()).select_from(Attempt)) == MAX_TRIES
    assert moments[1] - moments[0] == 5 * SECOND
    assert 22 * HOUR < moments[-1] - moments[0] <= DAY


def test_a_clock_that_went_back_does_not_hold_a_message(session: Session) -> None:
    one = Settings(mail=Mail(recipients=["a@urzad.pl"]))
    enqueue(session, [stored(session)], one, NOW)
    assert len(due(session, NOW - DAY)) == 1


@given(st.integers(1, 10_000))
def test_pauses_are_bounded(tries: int) -> None:
    assert 5 * SECOND <= pause_after(tries) <= HOUR
    assert pause_after(tries) <= pause_after(tries + 1)


@given(st.text(max_size=600), st.text(max_size=600))
def test_targets_fit_and_stay_apart(one: str, other: str) -> None:
    assert len(target_of(one)) <= MAX_TARGET
    assert (target_of(one) == target_of(other)) == (one == other)


def test_a_long_fault_is_cut(session: Session) -> None:
    enqueue(session, [stored(session)], SETTINGS, NOW)
    record(session, due(session, NOW)[0].id, "x" * 5000, NOW)
    assert len(session.scalars(select(Attempt)).one().detail) == 500

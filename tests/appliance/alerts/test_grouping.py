"""Hits become alerts once, whatever is replayed, in whatever order and pieces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import settings as bounded
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from appliance.alerts.entity import account_of, entity_of
from appliance.alerts.grouping import SNAPSHOT_TEXT, SNAPSHOTS, STALE, WINDOW, Hit, apply, events_counted, snapshot
from appliance.clock import HOUR, MINUTE, SECOND
from appliance.settings import Settings
from appliance.state.database import open_sessions, writing
from appliance.state.models import Alert, AlertEvent, AlertHistory, AlertState, Feed, Outbox, RuleState
from tests.appliance.alerts.conftest import NOW, hit
from tests.appliance.state.fresh import fresh_state


def put(sessions: sessionmaker[Session], hits: Sequence[Hit], settings: Settings, now: int = NOW) -> list[int]:
    with writing(sessions) as session:
        return apply(session, hits, now, settings)


def alerts(sessions: sessionmaker[Session]) -> list[Alert]:
    with sessions() as session:
        return list(session.scalars(select(Alert).order_by(Alert.id)))


def test_one_rule_on_one_entity_within_the_window_is_one_alert(
    sessions: sessionmaker[Session], settings: Settings
) -> None:
    touched = put(sessions, [hit(1), hit(2, NOW + WINDOW), hit(3, NOW + 2 * WINDOW)], settings)
    (alert,) = alerts(sessions)
    assert touched == [alert.id]
    assert (alert.count, alert.first_event_at, alert.last_event_at) == (3, NOW, NOW + 2 * WINDOW)
    assert (alert.host, alert.user, alert.entity) == ("PC-7", "anna", "anna@pc-7")
    assert (alert.process, alert.tags, alert.state, alert.late) == ("/bin/sh", ["attack.t1059"], "new", False)


def test_past_the_window_another_alert_begins(sessions: sessionmaker[Session], settings: Settings) -> None:
    put(sessions, [hit(1), hit(2, NOW + WINDOW + 1)], settings)
    assert [alert.count for alert in alerts(sessions)] == [1, 1]


def test_an_old_event_does_not_join_the_alert_of_today(sessions: sessionmaker[Session], settings: Settings) -> None:
    put(sessions, [hit(1)], settings)
    put(sessions, [hit(2, NOW - 30 * 24 * HOUR)], settings)
    assert [alert.late for alert in alerts(sessions)] == [False, True]


@pytest.mark.parametrize(("age", "sent"), [(0, 1), (2 * HOUR, 1), (STALE, 1), (STALE + 1, 0), (30 * STALE, 0)])
def test_what_is_long_past_wakes_nobody(
    sessions: sessionmaker[Session], settings: Settings, age: int, sent: int
) -> None:
    """A laptop comes back after weeks: its alerts stand in the list, and are not sent."""
    put(sessions, [hit(1, NOW - age)], settings)
    assert len(alerts(sessions)) == 1
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Outbox)) == sent


@pytest.mark.parametrize(
    "other",
    [
        hit(2, rule_number=2),
        hit(2, NOW, {"user.name": "jan"}),
        hit(2, NOW, {"host.name": "PC-8"}),
        hit(2, NOW, {"agent.id": "00000000-0000-4000-8000-000000000002"}),
    ],
)
def test_another_rule_account_host_or_agent_is_another_alert(
    sessions: sessionmaker[Session], settings: Settings, other: Hit
) -> None:
    put(sessions, [hit(1), other], settings)
    assert len(alerts(sessions)) == 2


def test_a_closed_alert_takes_nothing_more(sessions: sessionmaker[Session], settings: Settings) -> None:
    (number,) = put(sessions, [hit(1)], settings)
    with writing(sessions) as session:
        session.get_one(Alert, number).state = AlertState.CLOSED
    put(sessions, [hit(2, NOW + SECOND)], settings)
    assert [alert.count for alert in alerts(sessions)] == [1, 1]


def test_a_replay_changes_nothing_at_all(sessions: sessionmaker[Session], settings: Settings) -> None:
    hits = [hit(number, NOW + number * MINUTE) for number in range(5)]
    put(sessions, hits, settings)

    def everything() -> list[object]:
        with sessions() as session:
            tables = (Alert, AlertEvent, AlertHistory, Feed, Outbox, RuleState)
            return [[tuple(row) for row in session.execute(select(table.__table__))] for table in tables]

    before = everything()
    assert put(sessions, hits, settings, NOW + HOUR) == []
    assert put(sessions, [*hits, *hits], settings, NOW + HOUR) == []
    assert everything() == before


def test_what_an_alert_leaves_behind(sessions: sessionmaker[Session], settings: Settings) -> None:
    (number,) = put(sessions, [hit(1)], settings)
    put(sessions, [hit(2, NOW + SECOND)], settings, NOW + MINUTE)
    with sessions() as session:
        feed = [(row.kind, row.alert_id) for row in session.scalars(select(Feed).order_by(Feed.id))]
        history = [(row.action, row.who) for row in session.scalars(select(AlertHistory))]
        state = session.get_one(RuleState, "rule-1")
        assert feed == [("alert.new", number), ("alert.updated", number)]
        assert history == [("created", "czujka")]
        assert (state.hits, state.matched_at) == (2, NOW + MINUTE)
        assert session.scalars(select(Outbox.alert_id)).all() == [number]
        kept = session.scalars(select(AlertEvent).order_by(AlertEvent.id)).first()
        assert kept is not None
        assert kept.event["process.args"] == ["sh", "-c", "id"]


def test_an_alert_below_the_level_is_not_sent(sessions: sessionmaker[Session], settings: Settings) -> None:
    put(sessions, [hit(1, level=1)], settings)
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Outbox)) == 0


def test_a_failed_transaction_leaves_neither_alert_nor_message(
    sessions: sessionmaker[Session], settings: Settings
) -> None:
    with suppress(ZeroDivisionError), writing(sessions) as session:
        assert apply(session, [hit(1)], NOW, settings)
        assert 1 / 0
    assert alerts(sessions) == []
    assert put(sessions, [hit(1)], settings) != []


def test_events_past_the_bound_are_counted_without_a_copy(sessions: sessionmaker[Session], settings: Settings) -> None:
    extra = 3
    hits = [hit(number, NOW + number) for number in range(SNAPSHOTS + extra)]
    (number,) = put(sessions, hits, settings)
    assert put(sessions, hits, settings) == []
    with sessions() as session:
        copies = session.scalars(select(AlertEvent.event)).all()
        assert session.get_one(Alert, number).count == len(copies) == SNAPSHOTS + extra
        assert sum(not copy for copy in copies) == extra


def test_a_copy_is_bounded_whatever_the_event_holds() -> None:
    copied = snapshot({"message": "x" * (SNAPSHOT_TEXT * 3), "process.args": ("y" * SNAPSHOT_TEXT * 2,) * 1000, "n": 1})
    assert len(copied["message"]) == SNAPSHOT_TEXT + 1
    assert len(copied["process.args"]) == 200
    assert copied["n"] == 1


HOSTILE = st.text(max_size=400) | st.integers() | st.booleans() | st.tuples(st.text(max_size=20)) | st.just(())


@given(st.dictionaries(st.sampled_from(["host.name", "user.name", "user.domain", "process.executable"]), HOSTILE))
def test_no_field_breaks_the_entity(fields: dict[str, object]) -> None:
    event = {"host.name": "h"} | fields
    for text in (entity_of(event), account_of(event)):
        assert len(text) <= 255
        assert "\x00" not in text
        text.encode()


def test_a_lone_surrogate_reaches_the_database_as_a_question_mark(
    sessions: sessionmaker[Session], settings: Settings
) -> None:
    put(sessions, [hit(1, NOW, {"host.name": "a\ud800b", "user.name": "\x00"})], settings)
    assert alerts(sessions)[0].host == "a?b"


def test_the_account_of_windows_events() -> None:
    assert account_of({"winlog.event_data.TargetUserName": "jan", "winlog.event_data.TargetDomainName": "GMINA"}) == (
        "GMINA\\jan"
    )
    assert account_of({"user.name": "-", "winlog.event_data.User": "NT AUTHORITY\\SYSTEM"}) == "NT AUTHORITY\\SYSTEM"
    assert account_of({}) == ""


Steps = st.lists(
    st.lists(st.tuples(st.integers(0, 12), st.integers(1, 2), st.integers(0, 6)), max_size=8), min_size=1, max_size=6
)


@bounded(max_examples=25, deadline=None)
@given(Steps)
def test_counts_hold_for_any_replay(steps: list[list[tuple[int, int, int]]]) -> None:
    """Each step is a batch of (event, rule, half hours); an event keeps the time at which it was first seen."""
    times: dict[int, int] = {}
    with TemporaryDirectory() as folder:
        engine = fresh_state(f"sqlite:///{Path(folder) / 'state.db'}")
        sessions = open_sessions(engine)
        wanted: Counter[str] = Counter()
        seen: set[tuple[int, int]] = set()
        for step in steps:
            batch = []
            for number, rule_number, halves in step:
                at = NOW + times.setdefault(number, halves) * HOUR // 2
                batch.append(hit(number, at, rule_number=rule_number))
                if (number, rule_number) not in seen:
                    seen.add((number, rule_number))
                    wanted[f"rule-{rule_number}"] += 1
            put(sessions, batch, Settings())
        with sessions() as session:
            found = list(session.scalars(select(Alert)))
            assert Counter({rule: sum(a.count for a in found if a.rule_id == rule) for rule in wanted}) == wanted
            assert all(alert.count == events_counted(session, alert.id) for alert in found)
            states = {state.rule_id: state.hits for state in session.scalars(select(RuleState))}
            assert states == dict(wanted)
        engine.dispose()

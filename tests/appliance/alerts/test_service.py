"""The life of an alert, and who may change it when."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import product
from threading import Barrier, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from appliance.alerts import service
from appliance.alerts.cursor import BadCursor, decode, encode
from appliance.alerts.grouping import apply
from appliance.alerts.service import Actor, AlertFilter, AlreadyTaken, NotAllowedNow
from appliance.clock import HOUR, MINUTE, SECOND
from appliance.settings import Settings
from appliance.state.database import writing
from appliance.state.models import Alert, AlertHistory, AlertState, Attempt, Feed, Operation, Outbox, Outcome
from tests.appliance.alerts.conftest import NOW, hit

LATER = NOW + MINUTE
People = dict[str, int]
Sessions = sessionmaker[Session]


@pytest.fixture
def number(sessions: Sessions, settings: Settings) -> int:
    with writing(sessions) as session:
        return apply(session, [hit(1)], NOW, settings)[0]


def actor(people: People, login: str) -> Actor:
    return Actor(login, people[login])


def test_the_whole_life(sessions: Sessions, number: int, people: People) -> None:
    anna = actor(people, "anna")
    with writing(sessions) as session:
        assert service.acknowledge(session, number, anna, LATER).state == AlertState.RECEIVED
        assert service.take(session, number, anna, LATER).state == AlertState.IN_PROGRESS
        service.note(session, number, anna, " Dzwonię do referatu. ", LATER)
        closed = service.close(session, number, anna, Outcome.PERMITTED, "Zlecenie 12", LATER + 1)
        assert (closed.state, closed.outcome, closed.reason, closed.closed_at) == (
            AlertState.CLOSED,
            Outcome.PERMITTED,
            "Zlecenie 12",
            LATER + 1,
        )
        again = service.reopen(session, number, anna, "Powtórzyło się", LATER + 2)
        assert (again.state, again.outcome, again.closed_at, again.owner_id, again.received_at) == (
            AlertState.IN_PROGRESS,
            None,
            None,
            people["anna"],
            LATER,
        )
    with sessions() as session:
        done = [(row.who, row.action) for row in service.history_of(session, number)]
        assert done == [
            ("czujka", "created"),
            *(("anna", action) for action in ("acknowledged", "taken", "noted", "closed", "reopened")),
        ]
        assert session.scalars(select(AlertHistory.detail).where(AlertHistory.action == "noted")).one() == {
            "text": "Dzwonię do referatu."
        }
        assert session.scalars(select(Operation.action)).all() == [
            f"alert.{action}" for action in ("acknowledged", "taken", "noted", "closed", "reopened")
        ]
        assert len(session.scalars(select(Feed.id)).all()) == 6


Act = Callable[[Session, int, Actor], Alert]
ACTS: dict[str, Act] = {
    "acknowledge": lambda session, number, who: service.acknowledge(session, number, who, LATER),
    "take": lambda session, number, who: service.take(session, number, who, LATER),
    "close": lambda session, number, who: service.close(session, number, who, Outcome.THREAT, "x", LATER),
    "reopen": lambda session, number, who: service.reopen(session, number, who, "x", LATER),
}
ALLOWED = {
    ("new", "acknowledge"),
    ("new", "take"),
    ("new", "close"),
    ("received", "take"),
    ("received", "close"),
    ("closed", "reopen"),
}


@pytest.mark.parametrize(("state", "act"), list(product(["new", "received", "in_progress", "closed"], ACTS)))
def test_every_action_in_every_state_by_somebody_else(
    sessions: Sessions, number: int, people: People, state: str, act: str
) -> None:
    anna = actor(people, "anna")
    way = {
        "new": [],
        "received": ["acknowledge"],
        "in_progress": ["take"],
        "closed": ["take", "close"],
    }[state]
    with writing(sessions) as session:
        for step in way:
            ACTS[step](session, number, anna)
    with writing(sessions) as session:
        if (state, act) in ALLOWED:
            ACTS[act](session, number, actor(people, "jan"))
            return
        with pytest.raises(NotAllowedNow) as refused:
            ACTS[act](session, number, actor(people, "jan"))
    assert refused.value.state == state
    assert refused.value.who == ("czujka" if state == "new" else "anna")
    assert isinstance(refused.value, AlreadyTaken) == (state in {"received", "in_progress"})
    with sessions() as session:
        assert "jan" not in session.scalars(select(AlertHistory.who)).all()


def test_doing_the_same_twice_is_harmless(sessions: Sessions, number: int, people: People) -> None:
    anna = actor(people, "anna")
    with writing(sessions) as session:
        for _ in range(2):
            service.acknowledge(session, number, anna, LATER)
        for _ in range(2):
            service.take(session, number, anna, LATER)
        service.acknowledge(session, number, anna, LATER)
        assert len(service.history_of(session, number)) == 3


def test_of_two_who_take_at_once_one_is_told_who_was_first(sessions: Sessions, number: int, people: People) -> None:
    start, results = Barrier(2), list[str]()

    def race(login: str) -> None:
        start.wait()
        try:
            with writing(sessions) as session:
                service.take(session, number, actor(people, login), LATER)
            results.append("taken")
        except AlreadyTaken as refused:
            results.append(refused.who)

    racers = [Thread(target=race, args=(login,)) for login in ("anna", "jan")]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    with sessions() as session:
        owner = service.owners(session, [service.get_alert(session, number)])
        assert sorted(results) == sorted(["taken", *(person.login for person in owner.values())])


def test_assigning_goes_over_the_owner_but_not_to_an_auditor(sessions: Sessions, number: int, people: People) -> None:
    with writing(sessions) as session:
        service.take(session, number, actor(people, "anna"), LATER)
        given_away = service.assign(session, number, actor(people, "anna"), people["jan"], LATER)
        assert given_away.owner_id == people["jan"]
        for nobody in (people["ewa"], 999):
            with pytest.raises(service.UnknownUser):
                service.assign(session, number, actor(people, "anna"), nobody, LATER)
        assert [user.login for user in service.assignable(session)] == ["anna", "jan"]


def test_a_token_may_not_take_and_reopens_to_nobody(sessions: Sessions, number: int) -> None:
    robot = Actor("token:soar")
    with writing(sessions) as session:
        with pytest.raises(service.UnknownUser):
            service.take(session, number, robot, LATER)
        service.close(session, number, robot, Outcome.UNDECIDED, "x", LATER)
        again = service.reopen(session, number, robot, "x", LATER)
        assert (again.state, again.owner_id) == (AlertState.RECEIVED, None)


@pytest.mark.parametrize("text", ["", "  \n", "x" * (service.NOTE_LENGTH + 1)])
def test_a_note_is_bounded(sessions: Sessions, number: int, people: People, text: str) -> None:
    with writing(sessions) as session, pytest.raises(service.BadText):
        service.note(session, number, actor(people, "anna"), text, LATER)


def test_notes_end_at_the_limit_and_closing_still_works(sessions: Sessions, number: int, people: People) -> None:
    anna = actor(people, "anna")
    with writing(sessions) as session:
        session.add_all(
            AlertHistory(alert_id=number, at=LATER, who="anna", action="noted", detail={})
            for _ in range(service.HISTORY_LIMIT)
        )
    with writing(sessions) as session:
        with pytest.raises(service.HistoryFull):
            service.note(session, number, anna, "x", LATER)
        assert service.close(session, number, anna, Outcome.THREAT, "x", LATER).state == AlertState.CLOSED


def test_an_unknown_alert_is_said_to_be_unknown(sessions: Sessions, people: People) -> None:
    with writing(sessions) as session, pytest.raises(service.UnknownAlert):
        service.acknowledge(session, 77, actor(people, "anna"), LATER)


def test_pages_show_every_alert_once(sessions: Sessions, settings: Settings) -> None:
    with writing(sessions) as session:
        for turn in range(7):
            hits = [hit(turn * 10 + n, rule_number=turn * 10 + n) for n in range(3)]
            apply(session, hits, NOW + turn * SECOND, settings)
    found: list[int] = []
    after = None
    with sessions() as session:
        while True:
            page = service.list_alerts(session, AlertFilter(), after, 4)
            found += [alert.id for alert in page.items]
            after = page.next
            if after is None:
                break
        assert found == list(session.scalars(select(Alert.id).order_by(Alert.created_at.desc(), Alert.id.desc())))
        assert service.count_alerts(session, AlertFilter()) == 21


@pytest.mark.parametrize(
    ("wanted", "rules"),
    [
        (AlertFilter(min_level=3), {"rule-2"}),
        (AlertFilter(levels=frozenset({1})), {"rule-1"}),
        (AlertFilter(states=frozenset({AlertState.CLOSED})), set()),
        (AlertFilter(states=frozenset({AlertState.NEW})), {"rule-1", "rule-2"}),
        (AlertFilter(rule_id="rule-2"), {"rule-2"}),
        (AlertFilter(host="PC-8"), {"rule-2"}),
        (AlertFilter(text="pc-8"), {"rule-2"}),
        (AlertFilter(text="%"), set()),
        (AlertFilter(text="RULE 1"), {"rule-1"}),
        (AlertFilter(late=True), {"rule-1"}),
        (AlertFilter(since=NOW + 1), set()),
        (AlertFilter(until=NOW), set()),
    ],
)
def test_filters(sessions: Sessions, settings: Settings, wanted: AlertFilter, rules: set[str]) -> None:
    with writing(sessions) as session:
        old = hit(1, NOW - 2 * HOUR, level=1)
        apply(session, [old, hit(2, NOW, {"host.name": "PC-8"}, rule_number=2, level=4)], NOW, settings)
    with sessions() as session:
        assert {alert.rule_id for alert in service.list_alerts(session, wanted, None, 10).items} == rules
        assert service.count_alerts(session, wanted) == len(rules)
        assert sum(service.counts(session, wanted).values()) == len(rules)


def test_deliveries_come_with_their_tries(sessions: Sessions, number: int) -> None:
    with writing(sessions) as session:
        message = session.scalars(select(Outbox)).one()
        session.add(Attempt(outbox_id=message.id, at=NOW, ok=False, detail="refused"))
    with sessions() as session:
        ((found, tries),) = service.deliveries_of(session, number)
        assert (found.channel, [attempt.detail for attempt in tries]) == ("email", ["refused"])


@given(st.lists(st.integers(-(1 << 63), (1 << 63) - 1), min_size=1, max_size=3))
def test_a_cursor_comes_back_as_it_went(parts: list[int]) -> None:
    assert decode(encode(*parts), len(parts)) == tuple(parts)


@given(st.text(max_size=300) | st.from_regex(r"[A-Za-z0-9_-]{0,250}", fullmatch=True))
def test_no_text_makes_a_cursor_fail_otherwise(text: str) -> None:
    with suppress(BadCursor):
        assert len(decode(text, 2)) == 2

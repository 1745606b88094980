"""Plans: windows that touch each other, whatever happens between."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import select

from appliance.clock import DAY, HOUR, MINUTE, from_datetime
from appliance.hunt import asked, plans
from appliance.language.dates import WARSAW, local
from appliance.state.database import writing
from appliance.state.hunts import HuntOrigin, HuntPlan, HuntRun, HuntState
from appliance.state.models import Operation
from tests.appliance.hunt.kit import ANNA, Office
from tests.appliance.rulesets.kit import uuid

SUNDAY = from_datetime(datetime(2026, 11, 22, 12, tzinfo=WARSAW))


def make(office: Office, weekday: int | None = None, hour: int = 3, rules: tuple[str, ...] = ()) -> int:
    with writing(office.sessions) as session:
        return plans.add(session, ANNA, "Nocne", rules, (), weekday, hour, office.now).id


def tick(office: Office, moment: int) -> None:
    """Let the box look for what is due."""
    office.now = moment
    with writing(office.sessions) as session:
        plans.due(session, moment, office.rules())


def hunts(office: Office) -> list[HuntRun]:
    with office.sessions() as session:
        return list(session.scalars(select(HuntRun).order_by(HuntRun.id)))


def course(office: Office, number: int) -> plans.Course:
    with office.sessions() as session:
        return plans.course(session, session.get_one(HuntPlan, number))


@pytest.fixture
def office(office: Office) -> Office:
    office.now = SUNDAY
    return office


def test_a_day_s_window_is_asked_for_at_its_hour(office: Office) -> None:
    number = make(office)
    three = SUNDAY + 15 * HOUR
    tick(office, three - 1)
    assert hunts(office) == []
    tick(office, three)
    (row,) = hunts(office)
    assert (row.since, row.until, row.due_at, row.windows) == (SUNDAY, three, three, 1)
    assert (row.origin, row.plan_id, row.asked_by, row.rules) == (HuntOrigin.PLAN, number, "czujka", [uuid(1)])
    tick(office, three + MINUTE)
    assert len(hunts(office)) == 1
    assert course(office, number).next_at == three + DAY


def test_a_week_s_window_ends_on_its_day(office: Office) -> None:
    make(office, weekday=2, hour=23)
    tick(office, SUNDAY + 7 * DAY)
    (row,) = hunts(office)
    assert (local(row.until).weekday(), local(row.until).hour) == (2, 23)


def test_missed_windows_are_caught_up_in_one_hunt_and_told(office: Office) -> None:
    number = make(office)
    tick(office, SUNDAY + 15 * HOUR + MINUTE)
    tick(office, SUNDAY + 10 * DAY)
    first, second = hunts(office)
    assert (second.since, second.windows) == (first.until, 9)
    assert second.due_at == first.until + DAY
    with writing(office.sessions) as session:
        session.get_one(HuntRun, second.id).begun_at = SUNDAY + 10 * DAY
    found = course(office, number)
    assert (found.missed, found.late_us) == (8, SUNDAY + 10 * DAY - first.until - DAY)
    assert found.last is not None
    assert found.next_at > SUNDAY + 10 * DAY


# In the night of 28 March 2027 there is no second hour.
@example([DAY] * 5, None, 2, 124)
@example([DAY] * 5, 6, 2, 124)
@given(
    st.lists(st.integers(1, 40 * DAY), min_size=1, max_size=12),
    st.none() | st.integers(0, 6),
    st.integers(0, 23),
    st.integers(0, 730),
)
def test_windows_touch_whenever_the_box_looks(steps: list[int], weekday: int | None, hour: int, days: int) -> None:
    begin = SUNDAY + days * DAY
    plan = HuntPlan(weekday=weekday, hour=hour, upto=begin)
    moment, found = begin, []
    for step in steps:
        moment += step
        span = plans.windows(plan, moment)
        if span:
            found.append(span)
            plan.upto = span[1]
        assert moment < plans.next_end(plan, plan.upto) <= moment + (7 * DAY if weekday is not None else DAY) + HOUR
    for before, after in zip([(0, begin, 0), *found], found, strict=False):
        assert before[1] == after[0] < after[1] <= moment
    assert all(local(end).hour == hour or hour == 2 for _, end, _ in found)


def test_the_time_that_a_hunt_has_not_looked_at_is_a_gap(office: Office) -> None:
    number = make(office)
    tick(office, SUNDAY + 15 * HOUR)
    (row,) = hunts(office)
    with writing(office.sessions) as session:
        asked.stop(session, row.id, ANNA, office.now)
    assert course(office, number).gaps == ((row.id, row.since, row.until),)


def test_a_plan_without_rules_in_force_waits_and_its_window_grows(office: Office) -> None:
    number = make(office, rules=(uuid(9),))
    tick(office, SUNDAY + 2 * DAY)
    assert hunts(office) == []
    assert course(office, number).next_at < office.now, "it is seen to be late"
    office.put_rules(9)
    tick(office, SUNDAY + 3 * DAY)
    assert [(row.since, row.rules) for row in hunts(office)] == [(SUNDAY, [uuid(9)])]


def test_a_full_line_puts_a_window_off(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "MOST_WAITING", 1)
    office.ask(1, since=0, until=office.now)
    make(office)
    tick(office, SUNDAY + 2 * DAY)
    assert len(hunts(office)) == 1
    with writing(office.sessions) as session:
        asked.stop(session, hunts(office)[0].id, ANNA, office.now)
    tick(office, SUNDAY + 3 * DAY)
    assert hunts(office)[1].since == SUNDAY


def test_a_plan_ends_and_its_hunts_stay(office: Office) -> None:
    number = make(office)
    tick(office, SUNDAY + DAY)
    with writing(office.sessions) as session:
        plans.remove(session, number, ANNA, office.now)
    tick(office, SUNDAY + 9 * DAY)
    assert [row.state for row in hunts(office)] == [HuntState.WAITING]
    with writing(office.sessions) as session, pytest.raises(plans.UnknownPlan):
        plans.remove(session, number, ANNA, office.now)
    with office.sessions() as session:
        actions = session.scalars(select(Operation.action).order_by(Operation.id)).all()
    assert actions == ["hunt.planned", "hunt.asked", "hunt.unplanned"]


def test_plans_are_few_and_named(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "MOST_PLANS", 1)
    make(office)
    with pytest.raises(plans.PlansFull):
        make(office)
    with writing(office.sessions) as session, pytest.raises(asked.BadHunt):
        plans.add(session, ANNA, "", (), (), None, 3, office.now)

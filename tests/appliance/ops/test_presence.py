"""What arrived and what rules did, day by day, in the state database."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from appliance.clock import DAY
from appliance.detect import EventClass, RuleStats
from appliance.detect.visibility.presence import MAX_FIELDS, grouped
from appliance.normalise import Event
from appliance.ops.presence import KEPT_DAYS, Deeds, Watch, day_of, deeds_since, fired, had_since, record_selftest
from appliance.state.database import writing
from appliance.state.models import EventField, EventKind, RuleState

NOW = 20_000 * DAY + 5
KIND = EventClass("windows.eventlog", "Security", 4688, "process")


def event(**fields: str) -> Event:
    known: Event = {
        "event.module": KIND.module,
        "winlog.channel": "Security",
        "event.code": 4688,
        "event.category": "process",
    }
    return {**known, **fields}


def write(sessions: sessionmaker[Session], watch: Watch, at: int, **stats: RuleStats) -> None:
    with writing(sessions) as session:
        watch.write(session, stats, at)
    watch.wrote(stats, at)


def test_days_add_up_and_old_ones_are_not_counted(sessions: sessionmaker[Session]) -> None:
    watch = Watch()
    for day in range(3):
        watch.take(grouped([event(**{f"f{day}": "1"})] * (day + 1)))
        write(sessions, watch, NOW + day * DAY)
        watch.take(grouped([event(**{f"f{day}": "1"})]))
        write(sessions, watch, NOW + day * DAY + 1)
    with sessions() as session:
        today = day_of(NOW)
        assert had_since(session, today)[KIND].events == 9
        later = had_since(session, today + 2)[KIND]
        assert (later.events, later.last_at) == (4, NOW + 2 * DAY + 1)
        assert later.fields == {"event.module", "winlog.channel", "event.code", "event.category", "f2"}
        assert had_since(session, today + 1)[KIND].fields >= {"f1", "f2"}


def test_a_class_without_channel_and_number_is_the_same_again(sessions: sessionmaker[Session]) -> None:
    watch = Watch()
    watch.take(grouped([{"event.module": "json"}]))
    write(sessions, watch, NOW)
    again = Watch()
    again.take(grouped([{"event.module": "json"}]))
    write(sessions, again, NOW)
    with sessions() as session:
        assert had_since(session, day_of(NOW))[EventClass("json")].events == 2
        assert session.scalar(select(func.count()).select_from(EventKind)) == 1


def test_what_a_rule_did_grows_by_what_is_new_and_a_new_engine_starts_again(sessions: sessionmaker[Session]) -> None:
    watch, stats = Watch(), RuleStats(5, 2, 700)
    watch.fired(["rule", "rule"])
    write(sessions, watch, NOW, rule=stats)
    write(sessions, watch, NOW, rule=stats)
    stats.evaluated, stats.nanoseconds = 8, 900
    watch.fired(["rule"])
    write(sessions, watch, NOW, rule=stats)
    watch.fired(["rule"])
    write(sessions, watch, NOW + DAY, rule=RuleStats(1, 1, 50))
    with sessions() as session:
        assert deeds_since(session, day_of(NOW)) == {"rule": Deeds(4, 9, 950)}
        assert deeds_since(session, day_of(NOW) + 1) == {"rule": Deeds(1, 1, 50)}


def test_what_an_engine_did_before_it_went_is_not_lost(sessions: sessionmaker[Session]) -> None:
    watch = Watch()
    watch.fired(["rule"] * 9)
    write(sessions, watch, NOW, rule=RuleStats(5, 2, 700))
    watch.renew({"rule": RuleStats(8, 3, 900), "gone": RuleStats(1, 0, 10)})
    watch.renew({"rule": RuleStats(1, 1, 1)})
    # The next engine has done more than the one before, so its numbers alone do not tell that it is another.
    write(sessions, watch, NOW, rule=RuleStats(9, 5, 1000))
    write(sessions, watch, NOW, rule=RuleStats(9, 5, 1000))
    with sessions() as session:
        assert deeds_since(session, day_of(NOW)) == {"rule": Deeds(9, 18, 1901), "gone": Deeds(0, 1, 10)}


def test_what_was_not_committed_is_written_the_next_time(sessions: sessionmaker[Session]) -> None:
    watch, stats = Watch(), {"rule": RuleStats(1, 1, 1)}
    watch.take(grouped([event(a="1")]))
    watch.fired(["rule"])
    with sessions() as session:
        watch.write(session, stats, NOW)
        session.rollback()
    write(sessions, watch, NOW, **stats)
    with sessions() as session:
        assert had_since(session, day_of(NOW))[KIND].events == 1
        assert "a" in had_since(session, day_of(NOW))[KIND].fields
        assert deeds_since(session, day_of(NOW))["rule"].hits == 1


def test_old_days_are_forgotten_and_what_comes_again_is_new(sessions: sessionmaker[Session]) -> None:
    watch = Watch()
    watch.take(grouped([event(a="1")]))
    write(sessions, watch, NOW, rule=RuleStats(1, 1, 1))
    late = NOW + (KEPT_DAYS + 2) * DAY
    watch.take(grouped([{"event.module": "json"}]))
    write(sessions, watch, late)
    with sessions() as session:
        assert set(had_since(session, 0)) == {EventClass("json")}
        assert deeds_since(session, 0) == {}
    watch.take(grouped([event(a="1")]))
    write(sessions, watch, late)
    with sessions() as session:
        assert "a" in had_since(session, 0)[KIND].fields


def test_made_up_fields_stay_within_their_bound(sessions: sessionmaker[Session]) -> None:
    watch = Watch()
    for part in range(3):
        watch.take(grouped([event(**{f"f{part}.{number}": "1" for number in range(MAX_FIELDS)})]))
        write(sessions, watch, NOW)
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(EventField)) == MAX_FIELDS


def test_a_self_test_is_a_sign_of_life_of_its_own(sessions: sessionmaker[Session]) -> None:
    with writing(sessions) as session:
        session.add(RuleState(rule_id="hit", matched_at=NOW, hits=1))
        session.add(RuleState(rule_id="seen", hits=0))
        record_selftest(session, ["tested", "hit"], NOW + 7)
        record_selftest(session, ["tested"], NOW + 9)
    with sessions() as session:
        assert fired(session) == {"hit", "tested"}
        assert session.get_one(RuleState, "tested").tested_at == NOW + 9
        assert session.get_one(RuleState, "hit").hits == 1

"""Hunts run: what they find becomes alerts once, whatever interrupts them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.alerts.grouping import Hit, apply
from appliance.alerts.service import AlertFilter, found_later, list_alerts
from appliance.clock import DAY, HOUR, SECOND
from appliance.detect import Rule
from appliance.hunt import asked, hunt, slices
from appliance.hunt.hunt import Hunt
from appliance.normalise import Event
from appliance.state.database import writing
from appliance.state.hunts import HuntRun, HuntState
from appliance.state.models import Alert, AlertHistory, Operation, Outbox
from appliance.store import EmbeddedReader, QueryTimeout, StoreUnavailable
from tests.appliance.hunt.kit import ANNA, Office, day_of_events, event
from tests.appliance.rulesets.kit import NOW, uuid

Ranges = list[tuple[int | None, int | None]]


@pytest.fixture
def ranges(monkeypatch: pytest.MonkeyPatch) -> Ranges:
    """The ranges that are looked through, in their order; slices are six hours wide at most."""
    seen: Ranges = []
    real = Hunt.run

    def run(self: Hunt, start: int | None = None, end: int | None = None) -> Iterator[tuple[Event, list[Rule]]]:
        seen.append((start, end))
        yield from real(self, start, end)

    monkeypatch.setattr(Hunt, "run", run)
    monkeypatch.setattr(slices, "LARGEST", 6 * HOUR)
    monkeypatch.setattr(slices, "LOOK", 0.001)
    monkeypatch.setattr(slices, "REST", 0.0)
    return seen


def live(office: Office, events: list[Event]) -> None:
    """Let the stream find these events."""
    (rule,) = office.rules().rules
    with writing(office.sessions) as session:
        apply(session, [Hit(rule, one) for one in events], NOW, office.settings)


def shells() -> list[Event]:
    return [one for one in day_of_events() if one["process.executable"] == "/bin/sh"]


def told(alerts: list[Alert]) -> list[tuple[str, str, int, int, int]]:
    return [(one.rule_id, one.entity, one.first_event_at, one.last_event_at, one.count) for one in alerts]


def test_what_a_hunt_finds_are_the_alerts_that_the_stream_would_have_made(office: Office) -> None:
    number = office.ask(1)
    assert office.hunter().turn()
    found = office.later()
    assert [one.first_event_at for one in found] == [one["@timestamp"] for one in shells()]
    assert {one.created_at for one in found} == {NOW}
    row = office.hunt(number)
    assert (row.state, row.hits, row.by_rule, row.done_from, row.scan) == (
        HuntState.DONE, 8, {uuid(1): 8}, row.floor, False,
    )  # fmt: skip
    assert asked.progress(row) == 1.0
    with office.sessions() as session:
        (created,) = {str(detail) for detail in session.scalars(select(AlertHistory.detail))}
        assert created == str({"hunt": number})
        assert session.scalars(select(Outbox)).all() == []
        assert {hunt.name for hunt in found_later(session, found).values()} == {"Próba"}
        later = list_alerts(session, AlertFilter(found_later=True, hunt_id=number), None, 50).items
        assert {one.id for one in later} == {one.id for one in found}
        assert list_alerts(session, AlertFilter(found_later=False), None, 50).items == []
        actions = session.scalars(select(Operation.action).order_by(Operation.id)).all()
        assert actions == ["hunt.asked", "hunt.ended"]
    assert not office.hunter().turn()


@pytest.mark.parametrize("cut", [False, True])
def test_a_damaged_file_of_the_store_ends_no_hunt(office: Office, *, cut: bool) -> None:
    (first,) = office.store.glob("*.parquet")
    at = shells()[0]["@timestamp"]
    assert isinstance(at, int)
    office.keep([event(900, at)])
    content = first.read_bytes()
    # Cut off it cannot be opened; blotted out it opens, and its events cannot be read.
    half = len(content) // 2
    first.write_bytes(content[:100] if cut else content[:4] + bytes(half) + content[4 + half :])
    number = office.ask(1)
    assert office.hunter().turn()
    row = office.hunt(number)
    assert (row.state, row.hits) == (HuntState.DONE, 1)
    with closing(EmbeddedReader(office.store)) as reader:
        assert [one.file for one in reader.damaged()] == [first.name]


def test_hunt_and_stream_group_alike(office: Office) -> None:
    close = [event(500 + n, NOW - DAY + n * 20 * 60 * SECOND) for n in range(7)]
    office.keep(close)
    office.ask(1)
    office.hunter().turn()
    hunted = told(office.later())
    with writing(office.sessions) as session:
        for alert in session.scalars(select(Alert)):
            session.delete(alert)
    live(office, [*shells(), *close])
    with office.sessions() as session:
        assert hunted == told(list(session.scalars(select(Alert).order_by(Alert.first_event_at))))


def test_what_the_stream_has_alerted_on_makes_nothing_new(office: Office) -> None:
    live(office, shells()[:-1])
    number = office.ask(1)
    office.hunter().turn()
    assert [one.first_event_at for one in office.later()] == [shells()[-1]["@timestamp"]]
    assert office.hunt(number).hits == 8
    again = office.ask(1)
    office.hunter().turn()
    assert office.hunt(again).hits == 8
    assert len(office.later()) == 1


def test_a_hunt_keeps_to_its_hosts_and_its_time(office: Office) -> None:
    office.ask(1, since=NOW - DAY, until=NOW - 6 * HOUR, hosts=["pc-8"])
    office.hunter().turn()
    assert [(one.host, one.first_event_at) for one in office.later()] == [("PC-8", NOW - 18 * HOUR)]


def test_the_newest_comes_first_and_slices_touch(office: Office, ranges: Ranges) -> None:
    row = office.hunt(office.ask(1, since=0))
    office.hunter().turn()
    row = office.hunt(row.id)
    assert row.floor == NOW - 2 * DAY
    assert ranges[-1][0] == row.floor
    assert len(ranges) > 5
    assert all(later[0] == earlier[1] for later, earlier in pairwise(ranges))


def test_a_slice_that_was_done_is_not_done_again_after_a_crash(office: Office, ranges: Ranges) -> None:
    number = office.ask(1)

    def crash(self: slices.Pass, session: Session, hits: list[Hit], tally: slices.Tally) -> None:
        real(self, session, hits, tally)
        if len(ranges) == 4:
            raise KeyboardInterrupt

    real = slices.Pass._alert
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slices.Pass, "_alert", crash)
        with pytest.raises(KeyboardInterrupt):
            office.hunter().turn()
    row, done = office.hunt(number), len(office.later())
    assert row.state == HuntState.RUNNING
    assert (row.done_from, row.hits) == (ranges[2][0], done)
    assert 0 < asked.progress(row) < 1
    ranges.clear()
    office.hunter().turn()
    assert ranges[0][1] == row.done_from
    row = office.hunt(number)
    assert (row.state, row.hits, row.resumed) == (HuntState.DONE, 8, 1)
    assert len(office.later()) == 8


def test_the_end_of_the_process_leaves_a_hunt_running(office: Office, ranges: Ranges) -> None:
    number = office.ask(1)

    def shut_down() -> bool:
        if len(ranges) >= 2:
            office.stop.set()
        return False

    office.lagging = shut_down
    assert office.hunter().turn()
    assert office.hunt(number).state == HuntState.RUNNING
    office.stop.clear()
    office.lagging = lambda: False
    office.hunter().turn()
    assert office.hunt(number).state == HuntState.DONE


def test_a_hunt_waits_while_the_pipeline_has_too_much_to_do(office: Office, ranges: Ranges) -> None:
    answers = [False, True, True, True]
    office.ask(1)

    def lagging() -> bool:
        late = answers.pop(0) if answers else False
        if late:
            assert len(ranges) == 1
        return late

    office.lagging = lagging
    office.hunter().turn()
    assert answers == []
    assert len(office.later()) == 8


def test_a_hunt_that_runs_is_stopped_and_keeps_what_it_has(office: Office, ranges: Ranges) -> None:
    number = office.ask(1)

    def stop() -> bool:
        if len(ranges) == 4:
            with writing(office.sessions) as session:
                asked.stop(session, number, ANNA, NOW)
        return False

    office.lagging = stop
    office.hunter().turn()
    row = office.hunt(number)
    assert (row.state, row.stopped_by, row.ended_at) == (HuntState.STOPPED, "anna", NOW)
    assert 0 < len(office.later()) < 8
    assert asked.left_out(row) == (row.floor, row.done_from)
    with writing(office.sessions) as session, pytest.raises(asked.HuntOver):
        asked.stop(session, number, ANNA, NOW)


def test_a_hunt_that_waits_is_stopped_at_once(office: Office, ranges: Ranges) -> None:
    first, second = office.ask(1), office.ask(1)
    with writing(office.sessions) as session:
        asked.stop(session, first, ANNA, NOW)
    assert office.hunter().turn()
    assert not office.hunter().turn()
    assert [office.hunt(one).state for one in (first, second)] == [HuntState.STOPPED, HuntState.DONE]
    with writing(office.sessions) as session, pytest.raises(asked.UnknownHunt):
        asked.stop(session, 99, ANNA, NOW)


def broken(patch: pytest.MonkeyPatch, fault: Exception, widest: int = 0) -> None:
    """Let every hunt fail at ranges that are wider than so much time."""
    real = Hunt.run

    def run(self: Hunt, start: int | None = None, end: int | None = None) -> Iterator[tuple[Event, list[Rule]]]:
        found = real(self, start, end)
        assert start is not None
        assert end is not None
        if end - start > widest:
            next(found, None)
            raise fault
        yield from found

    patch.setattr(Hunt, "run", run)


def test_a_store_that_does_not_answer_ends_a_hunt_after_some_tries(
    office: Office, ranges: Ranges, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch, StoreUnavailable("away"))
    number = office.ask(1)
    office.hunter().turn()
    row = office.hunt(number)
    assert (row.state, row.reason, row.detail) == (HuntState.FAILED, "store", "away")
    assert len(ranges) == slices.TRIES


def test_a_question_that_takes_too_long_is_asked_narrower(
    office: Office, ranges: Ranges, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch, QueryTimeout("slow"), widest=2 * HOUR)
    number = office.ask(1)
    office.hunter().turn()
    assert office.hunt(number).state == HuntState.DONE
    assert len(office.later()) == 8


def test_what_is_too_slow_however_narrow_is_given_up(
    office: Office, ranges: Ranges, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch, QueryTimeout("slow"))
    number = office.ask(1)
    office.hunter().turn()
    assert (office.hunt(number).state, office.hunt(number).reason) == (HuntState.FAILED, "too_slow")


def test_a_hunt_that_cannot_be_run_says_why_and_the_next_one_runs(office: Office, ranges: Ranges) -> None:
    first, second = office.ask(1), office.ask(1)
    with pytest.MonkeyPatch.context() as patch:
        broken(patch, ZeroDivisionError("odd"))
        office.hunter().turn()
    office.hunter().turn()
    row = office.hunt(first)
    assert (row.state, row.reason, row.detail) == (HuntState.FAILED, "fault", "ZeroDivisionError: odd")
    assert office.hunt(second).state == HuntState.DONE


def test_rules_that_are_gone_are_counted_and_none_at_all_is_a_fault(office: Office) -> None:
    some, none = office.ask(1, 2), office.ask(3)
    office.hunter().turn()
    office.hunter().turn()
    assert (office.hunt(some).state, office.hunt(some).missing, office.hunt(some).hits) == (HuntState.DONE, 1, 8)
    assert (office.hunt(none).state, office.hunt(none).reason) == (HuntState.FAILED, "no_rules")


@pytest.mark.parametrize(("bound", "made"), [("HITS_A_RULE", 3 + 3), ("HITS_A_STATION", 3 * 2 + 3)])
def test_a_rule_that_finds_too_much_makes_some_alerts_and_is_counted(
    office: Office, monkeypatch: pytest.MonkeyPatch, bound: str, made: int
) -> None:
    monkeypatch.setattr(slices, bound, 3)
    office.put_rules(2, image="/ls")
    number = office.ask(1, 2)
    office.hunter().turn()
    row = office.hunt(number)
    assert (row.state, row.by_rule) == (HuntState.DONE, {uuid(1): 8, uuid(2): 48})
    with office.sessions() as session:
        counts = {one.rule_id: one.count for one in office.later()}
        assert sum(one.count for one in office.later()) == made
        assert counts.keys() == {uuid(1), uuid(2)}
        assert session.get_one(HuntRun, number).hits == 56


def test_a_hunt_that_finds_more_than_anybody_reads_ends(
    office: Office, ranges: Ranges, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "MOST_ALERTED", 5)
    number = office.ask(1)
    office.hunter().turn()
    assert (office.hunt(number).state, office.hunt(number).reason) == (HuntState.FAILED, "too_many")
    assert sum(one.count for one in office.later()) == 5


def test_alerts_of_a_large_slice_are_made_in_small_transactions(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "TOGETHER", 3)
    number = office.ask(1)
    office.hunter().turn()
    assert office.hunt(number).hits == 8
    assert len(office.later()) == 8


def test_rules_that_cannot_be_asked_for_narrowly_are_a_scan(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hunt, "MAX_LEAVES", 0)
    number = office.ask(1)
    office.hunter().turn()
    assert office.hunt(number).scan
    assert office.hunt(number).hits == 8


@pytest.mark.parametrize(("took", "wanted"), [(0.1, 2 * HOUR), (3.0, HOUR), (9.0, HOUR // 2)])
def test_slices_grow_and_shrink_with_what_they_take(took: float, wanted: int) -> None:
    assert slices.next_width(HOUR, took) == wanted
    assert slices.next_width(slices.LARGEST, 0.1) == slices.LARGEST
    assert slices.next_width(slices.LEAST, 9.0) == slices.LEAST


def test_an_empty_store_is_looked_through_at_once(office: Office) -> None:
    office.folder = office.folder / "new"
    office.put_rules(1)
    office.keep([])
    number = office.ask(1)
    office.hunter().turn()
    assert (office.hunt(number).state, office.hunt(number).looked) == (HuntState.DONE, 0)


def test_the_line_has_an_end(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "MOST_WAITING", 2)
    office.ask(1)
    office.ask(1)
    with pytest.raises(asked.HuntsFull):
        office.ask(1)
    office.hunter().turn()
    office.ask(1)


@pytest.mark.parametrize(
    "bad", [{"since": NOW, "until": NOW}, {"since": -1}, {"hosts": ["x"] * 101}, {"numbers": ()}], ids=str
)
def test_a_hunt_for_nothing_is_refused(office: Office, bad: dict[str, object]) -> None:
    numbers = bad.pop("numbers", (1,))
    assert isinstance(numbers, tuple)
    with pytest.raises(asked.BadHunt):
        office.ask(*numbers, **bad)  # type: ignore[arg-type]

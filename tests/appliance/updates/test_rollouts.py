"""Roll-outs go from ring to ring, reach only who they are for, and stop when stations go back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from agent.wire.commands import UPDATE
from agent.wire.update import place
from appliance.packages import update
from appliance.packages.shelf import put
from appliance.state.models import Operation
from appliance.state.updates import RolloutState
from appliance.updates import rollouts
from appliance.updates.rollouts import CannotRollOut, Reason

OLD, NEW = "1.0.0", "1.1.0"
STATIONS = [f"00000000-0000-4000-8000-{number:012d}" for number in range(200)]
FIRST, SECOND, *_, LAST = sorted(STATIONS, key=lambda one: place(one, NEW))


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    for version in (OLD, NEW, "1.0.10"):
        put(tmp_path, update.name_of(version), version.encode())
    return tmp_path


def hears(session: Session, station: str, running: str = OLD, at: int = 5) -> list[str]:
    return [one.argument for one in rollouts.commands(session, station, running, at)]


def test_the_latest_version_goes_to_the_first_ring(session: Session, shelf: Path) -> None:
    row = rollouts.start(session, shelf, "anna", 1)
    assert (row.version, row.ring, row.size) == (NEW, 5, len(NEW))
    assert hears(session, FIRST) == [NEW]
    assert not hears(session, LAST)
    assert not hears(session, FIRST, running=NEW)
    assert not hears(session, FIRST, running="no version")
    (command,) = rollouts.commands(session, FIRST, OLD, 5)
    assert (command.kind, command.agent) == (UPDATE, FIRST)


def test_it_is_promoted_ring_by_ring_and_written_down(session: Session, shelf: Path) -> None:
    rollouts.start(session, shelf, "anna", 1)
    assert rollouts.promote(session, "anna", 2).ring == 25
    assert rollouts.promote(session, "anna", 3).ring == 100
    assert hears(session, LAST) == [NEW]
    with pytest.raises(CannotRollOut) as refused:
        rollouts.promote(session, "anna", 4)
    assert refused.value.reason == Reason.EVERYWHERE
    actions = [one.action for one in session.scalars(select(Operation).order_by(Operation.id))]
    assert actions == ["rollout.started", "rollout.promoted", "rollout.promoted"]


def refused(act: Callable[[], object]) -> Reason:
    with pytest.raises(CannotRollOut) as error:
        act()
    return error.value.reason


def test_a_stopped_one_is_offered_to_nobody_until_it_goes_on(session: Session, shelf: Path) -> None:
    rollouts.start(session, shelf, "anna", 1)
    rollouts.stop(session, "anna", 2)
    assert not hears(session, FIRST)
    assert refused(lambda: rollouts.stop(session, "anna", 3)) == Reason.CHANGED
    assert refused(lambda: rollouts.promote(session, "anna", 3)) == Reason.STOPPED
    assert rollouts.resume(session, "anna", 4).ring == 5
    assert hears(session, FIRST) == [NEW]
    assert refused(lambda: rollouts.resume(session, "anna", 5)) == Reason.CHANGED
    actions = [one.action for one in session.scalars(select(Operation).order_by(Operation.id))]
    assert actions == ["rollout.started", "rollout.stopped", "rollout.resumed"]


def test_after_a_change_it_is_another_command_that_a_station_obeys_anew(session: Session, shelf: Path) -> None:
    def number() -> int:
        (command,) = rollouts.commands(session, FIRST, OLD, 9)
        return command.id

    rollouts.start(session, shelf, "anna", 1)
    first = number()
    assert number() == first
    rollouts.stop(session, "anna", 2)
    rollouts.resume(session, "anna", 3)
    assert first < number() < 1 << 62


def test_an_ended_one_stays_so_and_a_later_version_can_follow(session: Session, shelf: Path) -> None:
    rollouts.start(session, shelf, "anna", 1)
    rollouts.end(session, "anna", 2)
    assert not hears(session, FIRST)
    for act in (rollouts.resume, rollouts.stop, rollouts.promote, rollouts.end):
        assert refused(lambda act=act: act(session, "anna", 3)) == Reason.ENDED  # type: ignore[misc]
    assert refused(lambda: rollouts.start(session, shelf, "anna", 4)) == Reason.NOT_LATER
    put(shelf, update.name_of("1.2.0"), b"later")
    assert rollouts.start(session, shelf, "anna", 5).version == "1.2.0"


def test_who_has_seen_another_state_changes_nothing(session: Session, shelf: Path) -> None:
    row = rollouts.start(session, shelf, "anna", 1, version=NEW)
    assert refused(lambda: rollouts.stop(session, "ewa", 2, number=row.id + 1)) == Reason.CHANGED
    assert refused(lambda: rollouts.promote(session, "ewa", 2, number=row.id, to=100)) == Reason.CHANGED
    assert rollouts.promote(session, "ewa", 2, number=row.id, to=25).ring == 25
    assert refused(lambda: rollouts.promote(session, "anna", 3, number=row.id, to=25)) == Reason.CHANGED
    put(shelf, update.name_of("1.2.0"), b"later")
    assert refused(lambda: rollouts.start(session, shelf, "anna", 4, version="1.1.5")) == Reason.CHANGED


def test_before_its_time_nobody_hears_of_it(session: Session, shelf: Path) -> None:
    rollouts.start(session, shelf, "anna", 1, not_before=100)
    assert not hears(session, FIRST, at=99)
    assert hears(session, FIRST, at=100) == [NEW]


def test_stations_that_go_back_stop_it(session: Session, shelf: Path) -> None:
    row = rollouts.start(session, shelf, "anna", 1)
    for _ in range(3):  # each heartbeat says it
        rollouts.note_failure(session, FIRST, {"version": NEW, "reason": "crashed"}, 5)
    assert not hears(session, FIRST), "not again on that station"
    assert hears(session, SECOND) == [NEW]
    rollouts.note_failure(session, SECOND, {"version": NEW, "reason": "silent"}, 6)
    assert row.state == RolloutState.STOPPED
    last = session.scalars(select(Operation).order_by(Operation.id.desc())).first()
    assert last is not None
    assert (last.who, last.action, last.detail["went_back"]) == ("czujka", "rollout.stopped", 2)


@pytest.mark.parametrize("told", [{"version": OLD, "reason": "crashed"}, {"version": NEW, "reason": "<b>"}, {}])
def test_what_a_station_says_of_something_else_is_not_kept(session: Session, shelf: Path, told: dict[str, str]) -> None:
    rollouts.start(session, shelf, "anna", 1)
    rollouts.note_failure(session, FIRST, told, 5)
    assert rollouts.count_back(session, NEW) == 0


def test_no_version_is_rolled_out_twice_or_after_a_later_one(session: Session, shelf: Path, tmp_path: Path) -> None:
    rollouts.start(session, shelf, "anna", 1)
    with pytest.raises(CannotRollOut) as refused:
        rollouts.start(session, shelf, "anna", 2)
    assert refused.value.reason == Reason.NOT_LATER
    with pytest.raises(CannotRollOut) as refused:
        rollouts.start(session, tmp_path / "nothing", "anna", 2)
    assert refused.value.reason == Reason.NO_PACKAGE

"""Helper processes beside the pipeline: whoever works a batch, the results and their order are the same."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import rules
from agent.wire.envelope import encode_record, pack
from agent.wire.event import Record
from appliance.clock import SECOND
from appliance.detect import Engine, Event, Rule, RuleSet, load_rules
from appliance.home import Home
from appliance.journal import Batch
from appliance.normalise import normalise
from appliance.pipeline import crew as crews
from appliance.pipeline.crew import Crew
from appliance.pipeline.helper import Helper
from appliance.pipeline.work import Unit, Worked, Worker, restored
from appliance.store.shape import decode

from .test_pipeline import AGENT, START, Scene

WAIT = 60
Done = tuple[Unit, Worked]


class Clock:
    """Seconds that the test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture(scope="module")
def ruleset() -> RuleSet:
    found = load_rules([rules.ROOT / "sigma" / "windows" / "security"])
    return RuleSet(found.rules, [])


@pytest.fixture
def worker(ruleset: RuleSet) -> Worker:
    return Worker(Engine(ruleset), normalise, "", originals=frozenset({"accountability"}))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crew(worker: Worker, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crew]:
    monkeypatch.setattr(crews, "BUSY_RECORDS", 10)
    monkeypatch.setattr(crews, "UNIT_RECORDS", 12)
    made = Crew(worker, 2, clock)
    yield made
    made.close()


def _batch(seq: int, records: int = 5) -> Batch:
    lines: list[bytes] = [encode_record(_record(seq * 100 + number)) for number in range(records)]
    lines.append(b"{broken")
    return Batch(seq, AGENT, str(seq), START, None, len(lines), pack(lines))


def _record(number: int) -> Record:
    return {
        "Channel": "Security",
        "Provider_Name": "Microsoft-Windows-Eventlog",
        "EventID": 1102 if number % 3 == 0 else 4624,
        "EventRecordID": number,
        "Computer": f"PC-{number % 7}",
        "TimeCreated": START + number * SECOND,
        "SubjectUserName": "anna",
        "TargetUserName": "jan",
    }


def _alone(worker: Worker, batches: Sequence[Batch]) -> list[Done]:
    return [
        ((batch,), Worker(worker.engine, normalise, "", originals=worker.originals).work((batch,))) for batch in batches
    ]


def _plain(done: Sequence[Done]) -> list[object]:
    """Return everything that was made of batches, whatever units they were worked in."""
    found: list[object] = []
    for unit, worked in done:
        events, begin = decode(worked.rows.table), 0
        assert worked.found.failed == 0
        assert sum(len(group.places) for group in worked.groups) == len(events)
        for batch, part in zip(unit, worked.parts, strict=True):
            rows = range(begin, part.end)
            hits = [
                (row - begin, list(places), restored(worked.found.events[row]))
                for row, places in worked.found.hits
                if row in rows
            ]
            found.append((batch.seq, part.read, part.newest, part.dead, events[begin : part.end], hits))
            begin = part.end
    return found


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def _hire(crew: Crew, clock: Clock) -> None:
    """Have much to do for a while, until a helper is there."""
    before = len(crew.helpers)
    crew.add([])
    clock.seconds += crews.BUSY_SECONDS
    crew.add([])
    assert len(crew.helpers) == before + 1
    _until(lambda: crew.helpers[-1].ready or crew.helpers[-1].dead)


def _drain(crew: Crew) -> list[Done]:
    found: list[Done] = []
    while done := crew.done():
        found += done
        crew.forget(len(done))
    return found


class _Failing(Engine):
    """Breaks at the events of one host."""

    def match_many(self, events: Sequence[Event]) -> list[list[Rule]]:
        if any(str(event["host.name"]).lower() == "pc-3" for event in events):
            raise RuntimeError("broken on purpose")
        return super().match_many(events)


def test_an_event_that_cannot_be_matched_costs_itself_alone(ruleset: RuleSet) -> None:
    found = Worker(_Failing(ruleset), normalise, "").work((_batch(1, 21),)).found
    numbers = range(100, 121)
    assert found.failed == sum(number % 7 == 3 for number in numbers)
    assert [row for row, _ in found.hits] == [
        row for row, number in enumerate(numbers) if number % 3 == 0 and number % 7 != 3
    ]


def test_with_helpers_the_results_are_the_same_and_in_order(crew: Crew, worker: Worker, clock: Clock) -> None:
    batches = [_batch(seq) for seq in range(1, 200)]
    crew.add(batches)
    _hire(crew, clock)
    _hire(crew, clock)
    found = _drain(crew)
    assert _plain(found) == _plain(_alone(worker, batches))
    assert any(len(unit) > 1 for unit, _ in found)
    assert sum(len(worked.found.hits) for _, worked in found) > 100
    assert all(len(part.dead) == 1 for _, worked in found for part in worked.parts)


def _refused(unit: Unit) -> Worked:
    raise AssertionError(unit)


def test_a_helper_takes_what_is_next_while_we_are_busy(
    crew: Crew, worker: Worker, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = [_batch(seq) for seq in range(60)]
    crew.add(batches[:4])
    _hire(crew, clock)
    monkeypatch.setattr(crew.worker, "work", _refused)

    crew.add(batches[4:])
    crew._feed(crew.helpers[0])
    _until(lambda: not crew.helpers[0].given)

    assert _plain(_drain(crew)) == _plain(_alone(worker, batches))


def test_a_helper_holds_little_so_that_whoever_is_free_has_something_to_do(crew: Crew, clock: Clock) -> None:
    helper = _stopped(crew, clock)
    crew._feed(helper)

    assert len(helper.given) == crews.AHEAD_UNITS
    assert crew._work_one()


def _stopped(crew: Crew, clock: Clock) -> Helper:
    """Return a helper that does nothing any more, with 59 batches waiting."""
    crew.add([_batch(0, 21)])
    _hire(crew, clock)
    helper = crew.helpers[0]
    _until(lambda: not helper.given)
    os.kill(helper.pid, signal.SIGSTOP)
    crew.add([_batch(seq) for seq in range(1, 60)])
    return helper


def test_what_rules_cost_a_helper_is_counted(crew: Crew, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crews, "AHEAD_UNITS", 10_000)
    monkeypatch.setattr(crew.worker, "work", _refused)
    stats, hits, seq = crew.worker.engine.stats, 0, 100
    crew.add([_batch(seq) for seq in range(1, seq)])
    _hire(crew, clock)
    # They tell it every half second.
    while not any(one.matched for one in stats.values()):
        hits += sum(len(places) for _, worked in _drain(crew) for _, places in worked.found.hits)
        crew.add([_batch(seq)])
        seq += 1
    assert 0 < sum(one.matched for one in stats.values()) <= hits
    assert all(one.nanoseconds for one in stats.values() if one.evaluated)


def test_a_helper_that_hangs_is_given_up(crew: Crew, worker: Worker, clock: Clock) -> None:
    helper = _stopped(crew, clock)
    crew._feed(helper)
    clock.seconds += crews.STUCK_SECONDS + 1
    assert _plain(_drain(crew)) == _plain(_alone(worker, [_batch(0, 21), *map(_batch, range(1, 60))]))
    with pytest.raises(ProcessLookupError):
        os.kill(helper.pid, 0)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_a_dying_helper_held_is_worked_by_somebody_else(
    crew: Crew, worker: Worker, clock: Clock, number: signal.Signals
) -> None:
    helper = _stopped(crew, clock)
    crew._feed(helper)
    assert helper.given
    os.kill(helper.pid, number)
    os.kill(helper.pid, signal.SIGCONT)
    assert _plain(_drain(crew)) == _plain(_alone(worker, [_batch(0, 21), *map(_batch, range(1, 60))]))
    assert crew.helpers == []
    # The next one is not started at once.
    crew.add([_batch(seq) for seq in range(1, 60)])
    for seconds in (0.0, crews.BUSY_SECONDS, crews.REST_SECONDS - 2 * crews.BUSY_SECONDS):
        clock.seconds += seconds
        crew.add([])
        assert crew.helpers == []
    clock.seconds += 2 * crews.BUSY_SECONDS
    crew.add([])
    assert len(crew.helpers) == 1


def test_other_rules_work_all_that_waits(crew: Crew, clock: Clock) -> None:
    batches = [_batch(seq) for seq in range(1, 60)]
    crew.add(batches)
    _hire(crew, clock)
    assert sum(len(worked.found.hits) for _, worked in crew.done()) > 0
    crew.use(Worker(Engine(RuleSet([], [])), normalise, ""))
    assert crew.helpers == []
    drained = _drain(crew)
    assert [batch.seq for unit, _ in drained for batch in unit] == [batch.seq for batch in batches]
    assert all(worked.found.hits == [] for _, worked in drained)


def test_helpers_are_let_go_when_there_is_nothing_to_do(crew: Crew, clock: Clock) -> None:
    crew.add([_batch(seq) for seq in range(1, 10)])
    _hire(crew, clock)
    pid = crew.helpers[0].pid
    _drain(crew)
    crew.add([])
    clock.seconds += crews.IDLE_SECONDS
    crew.add([])
    assert crew.helpers == []
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_quiet_box_has_no_helpers(crew: Crew, clock: Clock) -> None:
    for seq in range(1, 100):
        crew.add([_batch(seq, 3)])
        clock.seconds += 1
        _drain(crew)
    assert crew.helpers == []


def test_queue_units_and_what_is_handed_on_are_bounded(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crews, "QUEUE_RECORDS", 60)
    monkeypatch.setattr(crews, "TAKE_RECORDS", 30)
    seq = 0
    while crew.room:
        crew.add([_batch(seq + 1), _batch(seq + 2), _batch(seq + 3)])
        seq += 3
    assert seq == 12
    assert [[batch.seq for batch in unit] for unit, _ in crew.done()] == [[1, 2], [3], [4, 5]]
    crew.add([replace(_batch(13), records=500), _batch(14)])
    crew.forget(8)
    assert [[batch.seq for batch in unit] for unit, _ in crew.done()] == [[13]]


def test_a_pipeline_with_helpers_makes_the_same_alerts(
    home: Home, ruleset: RuleSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crews, "BUSY_RECORDS", 10)
    monkeypatch.setattr(crews, "BUSY_SECONDS", 0.0)
    other = Home(tmp_path / "other")
    other.root.mkdir()
    found = []
    for one, helpers in ((home, 0), (other, 2)):
        scene = Scene(one, ruleset)
        scene.pipeline.crew.most = helpers
        for seq in range(1, 80):
            scene.arrive(str(seq), *(_record(seq * 100 + number) for number in range(5)))
        while scene.pipeline.step():
            assert len(scene.pipeline.crew.helpers) <= helpers
            if helpers and scene.pipeline.crew.helpers:
                helper = scene.pipeline.crew.helpers[0]
                _until(lambda helper=helper: helper.ready)  # type: ignore[misc]
        assert bool(scene.pipeline.crew.helpers) == bool(helpers)
        scene.pipeline.flush()
        scene.pipeline.crew.close()
        found.append((scene.alerts(), scene.reader.count("")))
        scene.store.close()
        scene.reader.close()
    assert found[0] == found[1]
    assert found[0][1] == 79 * 5

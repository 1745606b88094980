"""Correlations in the pipeline: nothing is lost and nothing doubled, wherever it dies."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

import rules
from agent.wire.envelope import encode_record
from agent.wire.event import Record
from appliance.alerts.grouping import apply
from appliance.clock import DAY, SECOND
from appliance.detect import Engine, RuleSet, load_rules
from appliance.detect.correlation.correlator import Correlator
from appliance.detect.correlation.hits import hits_for
from appliance.home import Home
from appliance.normalise import Event, Source, normalise
from appliance.pipeline.correlating import Correlating
from appliance.pipeline.memory import CorrelationMemory
from appliance.pipeline.work import keep
from appliance.state.models import Alert, AlertEvent, RuleState
from appliance.store import BatchResult
from appliance.store.shape import Rows

from .test_pipeline import AGENT, START, Scene

GUESSING = "9dc1f68a-9a58-593b-932e-cbc5b7ce2df6"


class Died(BaseException):
    """The process was killed."""


class CorrelatedScene(Scene):
    """A pipeline with correlations."""

    def _correlating(self) -> Correlating:
        self.memory = CorrelationMemory(self.home.correlations, self.store.applied)
        return Correlating(Correlator(self.ruleset), self.memory, self._find)

    def _find(self, identity: str, at: int) -> Event | None:
        return self.reader.get(identity, at)

    def restart(self) -> None:
        self.memory.close()
        super().restart()

    def evidence(self) -> dict[tuple[str, str], set[tuple[int, bool]]]:
        """Of every alert of a correlation the events: time, and whether a copy is kept."""
        with self.sessions() as session:
            query = select(Alert.rule_id, Alert.entity, AlertEvent.event_at, AlertEvent.event).join(
                AlertEvent, AlertEvent.alert_id == Alert.id
            )
            found: dict[tuple[str, str], set[tuple[int, bool]]] = {}
            for rule, entity, at, event in session.execute(query):
                found.setdefault((rule, entity), set()).add((at, "host.name" in event))
            return found

    def drain(self) -> None:
        """Run until everything is in the store."""
        while self.pipeline.step():
            self.clock.micros += SECOND
        self.clock.micros += 2 * SECOND
        self.pipeline.step()


@pytest.fixture(scope="module")
def ruleset() -> RuleSet:
    found = load_rules([rules.ROOT / "sigma" / "windows" / "security", rules.ROOT / "correlation"])
    # Those about SSH have no rules here, and say so.
    return RuleSet(found.rules, [], correlations=found.correlations)


@pytest.fixture
def scene(home: Home, ruleset: RuleSet) -> Iterator[CorrelatedScene]:
    made = CorrelatedScene(home, ruleset)
    yield made
    made.memory.close()
    made.store.close()
    made.reader.close()


def _failed(number: int, at: int, user: str = "anna", address: str = "10.20.0.66", host: str = "SRV-1") -> Record:
    return {
        "event.module": "windows.eventlog",
        "Channel": "Security",
        "Provider_Name": "Microsoft-Windows-Security-Auditing",
        "EventID": 4625,
        "EventRecordID": number,
        "Computer": host,
        "TimeCreated": at,
        "TargetUserName": user,
        "TargetDomainName": "GMINA",
        "IpAddress": address,
        "LogonType": 3,
        "SubStatus": "0xc000006a",
    }


def test_a_correlation_over_several_batches_is_one_alert_with_its_evidence(scene: CorrelatedScene) -> None:
    for number in range(15):
        scene.arrive(str(number), _failed(number, START + number * SECOND, host=f"SRV-{number % 3}"))
    scene.drain()
    events = {(START + number * SECOND, True) for number in range(15)}
    assert scene.evidence() == {(GUESSING, "10.20.0.66, anna"): events}
    with scene.sessions() as session:
        (alert,) = session.scalars(select(Alert))
        assert (alert.count, alert.late, alert.level, alert.agent_id) == (15, False, 2, None)
        assert alert.user == "GMINA\\anna"


def test_the_rules_of_a_correlation_are_silent_but_their_life_is_noted(scene: CorrelatedScene) -> None:
    scene.arrive("a", _failed(1, START))
    scene.drain()
    assert scene.evidence() == {}
    with scene.sessions() as session:
        assert session.get_one(RuleState, "7028f18f-c4ee-52e7-ae6d-b4bc0f42b2d7").hits == 1


def test_a_laptop_that_was_away_for_a_week_is_correlated_by_its_own_time(scene: CorrelatedScene) -> None:
    long_ago = START - 7 * DAY
    for number in range(12):
        scene.arrive(f"now{number}", _failed(number, START + number * 40 * SECOND, user="jan"))
        scene.clock.micros = START + number * 40 * SECOND
        scene.arrive(f"then{number}", _failed(100 + number, long_ago + number * SECOND))
    scene.drain()
    assert {key: len(events) for key, events in scene.evidence().items()} == {(GUESSING, "10.20.0.66, anna"): 12}
    with scene.sessions() as session:
        assert session.scalars(select(Alert.late)).all() == [True]


Kill = Callable[[CorrelatedScene, pytest.MonkeyPatch], None]


def _before_memory(scene: CorrelatedScene, patch: pytest.MonkeyPatch) -> None:
    def die(names: object, groups: object, upto: int) -> None:
        raise Died

    patch.setattr(scene.memory, "save", die)


def _before_store(scene: CorrelatedScene, patch: pytest.MonkeyPatch) -> None:
    def die(rows: Rows, results: Sequence[BatchResult], upto: int) -> None:
        raise Died

    patch.setattr(scene.store, "append", die)


def _after_store(scene: CorrelatedScene, patch: pytest.MonkeyPatch) -> None:
    append = scene.store.append

    def die(rows: Rows, results: Sequence[BatchResult], upto: int) -> None:
        append(rows, results, upto)
        raise Died

    patch.setattr(scene.store, "append", die)


def _after_correlating(scene: CorrelatedScene, patch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> list[int]:
        raise Died

    patch.setattr("appliance.pipeline.pipeline.apply", die)


def _after_alerts(scene: CorrelatedScene, patch: pytest.MonkeyPatch) -> None:
    assert scene.pipeline.correlating is not None

    def die(self: Correlating) -> None:
        raise Died

    patch.setattr(Correlating, "done", die)


KILLS = (_before_memory, _before_store, _after_store, _after_correlating, _after_alerts)


@pytest.mark.parametrize("kill", KILLS)
@pytest.mark.parametrize("seed", range(2))
def test_a_kill_anywhere_loses_and_doubles_nothing(
    scene: CorrelatedScene, monkeypatch: pytest.MonkeyPatch, kill: Kill, seed: int
) -> None:
    draw = random.Random(f"{kill.__name__}{seed}")
    at = START
    wanted: dict[str, set[int]] = {}
    monkeypatch.setattr("appliance.pipeline.pipeline.READ_BATCHES", 3)
    for number in range(40):
        at += draw.choice((1, 5, 15)) * SECOND
        user = draw.choice(("anna", "anna", "jan"))
        scene.clock.micros = at
        scene.arrive(str(number), _failed(number, at, user))
        wanted.setdefault(user, set()).add(at)
    # What no kill gave is what the same events give at once.
    expected = _plain(scene.ruleset, wanted)
    deaths = 0
    for _ in range(200):
        with monkeypatch.context() as patch:
            if draw.random() < 0.4:
                kill(scene, patch)
            scene.clock.micros += SECOND
            try:
                if not scene.pipeline.step() and scene.journal.depth().batches == 0:
                    break
                continue
            except Died:
                deaths += 1
        scene.restart()
    assert deaths > 2
    found = scene.evidence()
    assert {key: {when for when, _ in events} for key, events in found.items()} == expected
    assert all(kept for events in found.values() for _, kept in events)


def _plain(ruleset: RuleSet, times: dict[str, set[int]]) -> dict[tuple[str, str], set[int]]:
    """Twelve within five minutes, said plainly."""
    span = next(one for one in ruleset.correlations if one.id == GUESSING).timespan
    found: dict[tuple[str, str], set[int]] = {}
    for user, moments in times.items():
        for at in moments:
            window = {other for other in moments if at - span <= other <= at}
            if len(window) >= 12:
                found.setdefault((GUESSING, f"10.20.0.66, {user}"), set()).update(window)
    return found


def test_alerts_that_could_not_be_made_are_made_later(scene: CorrelatedScene, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(12):
        scene.arrive(str(number), _failed(number, START + number * SECOND))

    def locked(*arguments: Any) -> list[int]:
        monkeypatch.setattr("appliance.pipeline.pipeline.apply", apply)
        raise OperationalError("INSERT", {}, RuntimeError("database is locked"))

    monkeypatch.setattr("appliance.pipeline.pipeline.apply", locked)
    with pytest.raises(OperationalError):
        scene.pipeline.step()
    scene.pipeline.flush()
    assert scene.store.applied() == 0, "what was correlated is not told yet"
    scene.drain()
    assert {key: len(events) for key, events in scene.evidence().items()} == {(GUESSING, "10.20.0.66, anna"): 12}


def test_values_that_no_json_takes_are_no_obstacle(scene: CorrelatedScene) -> None:
    correlating, base = scene.pipeline.correlating, scene.ruleset.rules
    assert correlating is not None
    (rule,) = [one for one in base if one.name == "security_failed_logon"]
    reader = hits_for(scene.ruleset)
    for number in range(12):
        event: Event = {
            **normalise(encode_record(_failed(number, START + number)), Source(AGENT, START + DAY)),
            "big": 10**40,
            "torn": "\ud800",
        }
        offer = reader.read(event, [rule])
        assert offer is not None
        correlating.take(keep(event), offer)
    hits = correlating.hits()
    assert [hit.event["big"] for hit in hits] == [10**40] * 12
    assert correlating.failed == 0


def test_a_damaged_memory_is_set_aside_and_said(scene: CorrelatedScene) -> None:
    scene.arrive("a", _failed(1, START))
    scene.drain()
    scene.memory.close()
    scene.home.correlations.write_bytes(b"SQLite format 3\x00" + bytes(8192))
    scene.restart()
    assert scene.pipeline.correlating is not None
    assert scene.pipeline.correlating.told()["memory_lost"] == 1
    scene.arrive("b", _failed(2, START + SECOND))
    scene.drain()
    assert scene.reader.count("") == 2


def test_a_reload_keeps_what_did_not_change(scene: CorrelatedScene) -> None:
    for number in range(11):
        scene.arrive(str(number), _failed(number, START + number * SECOND))
    scene.drain()
    correlating = scene.pipeline.correlating
    assert correlating is not None
    kept = [one for one in scene.ruleset.correlations if one.id == GUESSING]
    fewer = RuleSet(scene.ruleset.rules, [], correlations=kept)
    scene.pipeline.use(Engine(fewer), Correlator(fewer))
    assert correlating.told()["groups"] == 1
    # Twice, with nothing in the store between: what is not confirmed is still to be written.
    for ruleset in (fewer, scene.ruleset):
        number = 100 + len(ruleset.correlations)
        scene.arrive(f"{number}", _failed(number, START + 11 * SECOND + number))
        scene.pipeline.step()
        scene.pipeline.use(Engine(ruleset), Correlator(ruleset))
    assert correlating.correlator.faults == Correlator(scene.ruleset).faults
    scene.arrive("last", _failed(99, START + 12 * SECOND))
    scene.drain()
    assert {key: len(events) for key, events in scene.evidence().items()} == {(GUESSING, "10.20.0.66, anna"): 14}


def test_no_flipped_bit_of_the_memory_stops_the_start(scene: CorrelatedScene, tmp_path: Path) -> None:
    for number in range(3):
        scene.arrive(str(number), _failed(number, START + number * SECOND))
    scene.drain()
    scene.memory.close()
    path = tmp_path / "correlations.db"
    shutil.copy(scene.home.correlations, path)
    with closing(sqlite3.connect(path)) as database:
        upto, body = database.execute("SELECT upto, body FROM changes ORDER BY length(body) DESC").fetchone()
    lost = 0
    for place in range(0, len(body), 3):
        flipped = body[:place] + bytes([body[place] ^ 0x80]) + body[place + 1 :]
        shutil.copy(scene.home.correlations, path)
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("UPDATE changes SET body = ? WHERE upto = ?", (flipped, upto))
        with closing(CorrelationMemory(path, scene.store.applied)) as memory:
            told = Correlating(Correlator(scene.ruleset), memory).told()
        lost += told["memory_lost"]
        assert not (told["memory_lost"] and told["groups"])
    assert lost > len(body) // 60

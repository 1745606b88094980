"""The pipeline over a real journal, store, engine and state: every step may be repeated, nothing counts twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

import rules
from agent.wire.envelope import encode_record, pack
from agent.wire.event import Record
from agent.wire.inventory import canonical, item_record, state_record
from appliance.clock import DAY, SECOND
from appliance.detect import Engine, Rule, RuleSet, load_rules
from appliance.home import Home
from appliance.journal import DeadLetters, Journal, NewBatch, journal
from appliance.normalise import Event, normalise
from appliance.ops.presence import day_of, deeds_since, had_since
from appliance.pipeline.correlating import Correlating
from appliance.pipeline.pipeline import FLUSH_AFTER, FLUSH_AFTER_BUSY, Pipeline
from appliance.settings import load_settings
from appliance.state.models import Agent, Alert, AlertEvent, EventField, GapSeen, Loss
from appliance.state.stations import StationItem, StationSection
from appliance.store import BatchResult, EmbeddedReader, EmbeddedStore, StoreUnavailable
from appliance.store.shape import Rows
from tests.appliance.state.fresh import fresh_state

AGENT = "11111111-1111-4111-8111-111111111111"
START = 1_790_000_000 * SECOND


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.micros = START

    def __call__(self) -> int:
        return self.micros


class Scene:
    """A pipeline that can be killed and made again over the same files."""

    def __init__(self, home: Home, ruleset: RuleSet) -> None:
        self.home, self.ruleset, self.clock = home, ruleset, Clock()
        state = fresh_state(f"sqlite:///{home.state}")
        self.sessions: sessionmaker[Session] = sessionmaker(state)
        self.journal = Journal(home.journal, 1 << 26)
        self.reader = EmbeddedReader(home.store)
        self.store = EmbeddedStore(home.store)
        self.pipeline = self._make()

    def _make(self) -> Pipeline:
        return Pipeline(
            journal=self.journal,
            dead_letters=DeadLetters(self.home.dead_letters),
            store=self.store,
            engine=Engine(self.ruleset),
            sessions=self.sessions,
            settings=load_settings(self.home),
            normalise=normalise,
            importer="",
            clock=self.clock,
            correlating=self._correlating(),
        )

    def _correlating(self) -> Correlating | None:
        return None

    def restart(self) -> None:
        """Forget everything that was only in memory."""
        self.store.close()
        self.store = EmbeddedStore(self.home.store)
        self.pipeline = self._make()

    def arrive(self, key: str, *records: Record | bytes) -> None:
        lines = [record if isinstance(record, bytes) else encode_record(record) for record in records]
        self.journal.append_many([NewBatch(AGENT, key, self.clock(), None, len(lines), pack(lines))])

    def alerts(self) -> list[tuple[str, int]]:
        with self.sessions() as session:
            return [
                (host, count) for host, count in session.execute(select(Alert.host, Alert.count).order_by(Alert.id))
            ]

    def count(self, model: type[Any]) -> int:
        with self.sessions() as session:
            return session.scalar(select(func.count()).select_from(model)) or 0


@pytest.fixture(scope="module")
def ruleset() -> RuleSet:
    return load_rules([rules.ROOT / "sigma" / "windows" / "security"])


@pytest.fixture
def scene(home: Home, ruleset: RuleSet) -> Iterator[Scene]:
    made = Scene(home, ruleset)
    yield made
    made.store.close()
    made.reader.close()


def _cleared(number: int, host: str = "PC-1") -> Record:
    return {
        "event.module": "windows.eventlog",
        "Channel": "Security",
        "Provider_Name": "Microsoft-Windows-Eventlog",
        "EventID": 1102,
        "EventRecordID": number,
        "Computer": host,
        "TimeCreated": f"2026-09-21T13:46:{number % 60:02d}.000Z",
        "SubjectUserName": "anna",
    }


def _gap(number: int) -> Record:
    return {
        "event.module": "czujka.agent",
        "event.action": "telemetry_gap",
        "event.id": f"{number:032x}",
        "@timestamp": START,
        "host.name": "PC-1",
        "gap.from": START - SECOND,
        "gap.to": START,
        "gap.count": 7,
        "gap.cause": "audit_lost",
    }


def test_a_batch_becomes_an_alert_at_once_and_events_a_flush_later(scene: Scene) -> None:
    scene.arrive("a", _cleared(1), _cleared(2))
    assert scene.pipeline.step()
    assert scene.alerts() == [("PC-1", 2)]
    assert scene.reader.count("") == 0
    scene.clock.micros += 2 * SECOND
    assert not scene.pipeline.step()
    assert scene.reader.count("") == 2
    assert scene.journal.depth().batches == 0


def test_results_go_with_the_keys_by_which_they_are_asked_for(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        scene.arrive(str(number), _cleared(number))
    scene.pipeline.step()
    scene.pipeline.flush()
    seqs = scene.journal.find(AGENT, map(str, range(5)))
    scene.pipeline.retain(1 << 40)
    assert set(scene.reader.results([*seqs.values()])) == set(seqs.values())
    monkeypatch.setattr(journal, "KEYS_KEPT", 2)
    scene.journal.forget_keys(scene.clock() + DAY)
    scene.pipeline.retain(1 << 40)
    known = scene.journal.find(AGENT, map(str, range(5)))
    assert len(known) == 2
    assert set(scene.reader.results([*seqs.values()])) == set(known.values())


def test_a_crash_between_alert_and_store_repeats_nothing(scene: Scene) -> None:
    scene.arrive("a", _cleared(1), _gap(1))
    scene.pipeline.step()
    scene.restart()
    scene.pipeline.step()
    scene.pipeline.flush()
    assert scene.alerts() == [("PC-1", 1)]
    assert scene.count(AlertEvent) == 1
    assert scene.count(GapSeen) == 1
    with scene.sessions() as session:
        assert session.scalars(select(Loss.count)).all() == [7]
    assert scene.reader.count("") == 2


def test_what_events_had_counts_once_whatever_is_repeated(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.arrive("a", _cleared(1), _cleared(2))
    scene.pipeline.step()
    scene.restart()  # before the flush: all is taken again
    scene.pipeline.step()
    append = scene.store.append

    def full(rows: Rows, results: Sequence[BatchResult], upto: int) -> None:
        raise StoreUnavailable("no space")

    monkeypatch.setattr(scene.store, "append", full)
    with pytest.raises(StoreUnavailable):
        scene.pipeline.flush()
    monkeypatch.setattr(scene.store, "append", append)
    scene.pipeline.flush()
    scene.arrive("b", _cleared(2))
    scene.pipeline.step()
    scene.clock.micros += DAY
    scene.pipeline.flush()
    with scene.sessions() as session:
        kinds, fields = had_since(session, day_of(START)), session.scalars(select(EventField.name)).all()
        deeds = deeds_since(session, day_of(START))
        assert had_since(session, day_of(START) + 2) == {}
    ((kind, had),) = kinds.items()
    assert (kind.module, kind.channel, kind.code) == ("windows.eventlog", "Security", 1102)
    assert had.events == 2
    assert had.last_at == START
    assert "winlog.event_data.SubjectUserName" in had.fields
    assert sorted(fields) == sorted(had.fields)
    # Rules that were only decided on have no hits.
    assert [one.hits for one in deeds.values() if one.hits] == [2]


def test_an_event_that_comes_again_in_another_batch_is_known(scene: Scene) -> None:
    scene.arrive("a", _cleared(1))
    scene.arrive("b", _cleared(1), _cleared(2))
    scene.pipeline.step()
    scene.pipeline.flush()
    scene.arrive("c", _cleared(2), _cleared(3))
    scene.pipeline.step()
    scene.pipeline.flush()
    assert scene.reader.count("") == 3
    results = scene.reader.results([1, 2, 3])
    assert [(r.read, r.stored, r.known) for r in results.values()] == [(1, 1, 0), (2, 1, 1), (2, 1, 1)]
    assert scene.alerts() == [("PC-1", 3)]


def test_a_full_store_holds_the_journal_and_then_goes_on(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.arrive("a", _cleared(1))
    scene.pipeline.step()
    append = scene.store.append

    def full(rows: Rows, results: Sequence[BatchResult], upto: int) -> None:
        raise StoreUnavailable("no space")

    monkeypatch.setattr(scene.store, "append", full)
    scene.clock.micros += 2 * SECOND
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            scene.pipeline.step()
    assert scene.journal.depth().batches == 1
    scene.arrive("b", _cleared(2, "PC-2"))
    with pytest.raises(StoreUnavailable):
        scene.pipeline.step()
    assert scene.alerts() == [("PC-1", 1), ("PC-2", 1)], "alerts do not wait for the store"
    monkeypatch.setattr(scene.store, "append", append)
    scene.pipeline.step()
    assert scene.reader.count("") == 2
    assert scene.journal.depth().batches == 0
    assert scene.alerts() == [("PC-1", 1), ("PC-2", 1)]


def test_while_the_store_is_full_only_so_much_is_held_in_memory(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(rows: Rows, results: Sequence[BatchResult], upto: int) -> None:
        raise StoreUnavailable("no space")

    monkeypatch.setattr(scene.store, "append", full)
    monkeypatch.setattr("appliance.pipeline.pipeline.FLUSH_EVENTS", 50)
    monkeypatch.setattr("appliance.pipeline.pipeline.READ_BATCHES", 1)
    for number in range(40):
        scene.arrive(str(number), *(_cleared(number * 10 + n) for n in range(10)))
    for _ in range(40):
        try:
            scene.pipeline.step()
        except StoreUnavailable:
            continue
    assert len(scene.pipeline.pending.ids) <= 60


def test_a_rule_that_fails_costs_its_match_not_the_event(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(events: Sequence[Event]) -> list[list[Rule]]:
        raise RecursionError

    monkeypatch.setattr(scene.pipeline.engine, "match_many", broken)
    scene.arrive("a", _cleared(1))
    scene.pipeline.step()
    scene.pipeline.flush()
    assert scene.reader.count("") == 1
    assert scene.pipeline.counters.failed_matches == 1


def test_bad_records_are_dead_letters_and_counted(scene: Scene) -> None:
    scene.arrive("a", b"{", _cleared(1), b"[1]")
    scene.pipeline.step()
    scene.pipeline.flush()
    assert scene.pipeline.dead_letters.count() == 2
    (result,) = scene.reader.results([1]).values()
    assert (result.read, result.stored, result.dead) == (3, 1, 2)


def test_a_clock_that_jumps_back_does_not_hold_events_for_ever(scene: Scene) -> None:
    scene.arrive("a", _cleared(1))
    scene.pipeline.step()
    scene.clock.micros -= 86_400 * SECOND
    scene.pipeline.step()
    scene.clock.micros += 2 * SECOND
    scene.pipeline.step()
    assert scene.reader.count("") == 1


def test_what_agents_tell_of_their_stations_is_kept_once(scene: Scene) -> None:
    with scene.sessions.begin() as session:
        session.add(Agent(id=AGENT, hostname="PC-1", certificate="0", expires_at=0, enrolled_at=0))
    item = {"package.name": "bash", "package.version": "5.2"}
    told = [item_record("package", "bash", item, present=True, revision=1),
            state_record("package", {"bash": canonical(item)}, 1)]  # fmt: skip
    scene.arrive("one", *told)
    scene.pipeline.step()
    scene.restart()
    scene.pipeline.step()
    scene.clock.micros += 2 * SECOND
    scene.pipeline.step()
    with scene.sessions() as session:
        (section,) = session.scalars(select(StationSection))
    assert section.agrees
    assert scene.count(StationItem) == 1
    assert scene.pipeline.counters.stored == 2


def test_records_stay_with_events_of_the_classes_that_the_settings_name(home: Home, ruleset: RuleSet) -> None:
    home.config.write_text('[store]\noriginals = ["accountability"]\n', "utf-8")
    scene = Scene(home, ruleset)
    line = encode_record(_cleared(1))
    other: Record = {"event.module": "linux.syslog", "message": "x", "host.name": "pc"}
    odd = encode_record(_cleared(2)).replace(b"anna", "Łucja".encode())
    scene.arrive("a", line, other, odd)
    assert scene.pipeline.step()
    scene.pipeline.flush()
    found = {str(one.get("winlog.record_id") or one["message"]): one for one in scene.reader.search("").events}
    assert {name: event.get("event.original") for name, event in found.items()} == {
        "1": line.decode(),
        "2": odd.decode(),
        "x": None,
    }
    assert scene.reader.count("event.original:*TimeCreated*") == 2
    assert scene.reader.count("TimeCreated") == 0
    assert scene.alerts() == [("PC-1", 1), ("PC-1", 1)]
    scene.store.close()
    scene.reader.close()


def test_while_much_waits_events_go_to_the_store_in_larger_pieces(scene: Scene) -> None:
    for number in range(13):
        scene.arrive(f"k{number}", *(b'{"n":%d}' % (1000 * number + one) for one in range(1000)))
    assert scene.pipeline.step()
    assert scene.pipeline.crew.busy
    scene.clock.micros += FLUSH_AFTER_BUSY - SECOND // 2
    assert scene.pipeline.step()
    assert scene.store.applied() == 0
    scene.clock.micros += SECOND // 2
    assert scene.pipeline.step()
    assert scene.store.applied() == 8
    assert not scene.pipeline.crew.busy
    scene.clock.micros += FLUSH_AFTER
    assert scene.pipeline.step()
    assert scene.store.applied() == 12

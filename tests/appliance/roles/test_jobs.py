"""The jobs' process, and each job."""

from __future__ import annotations

import mailbox
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from appliance.clock import DAY, MINUTE, SECOND, now
from appliance.deliver import enqueue
from appliance.deliver.round import Courier
from appliance.deliver.texts import Writer, load_catalogue
from appliance.evidence.ledger import Ledger
from appliance.home import CHECKOUT, Home
from appliance.journal import Journal, NewBatch
from appliance.ops.operations import record
from appliance.pki import ensure_pki
from appliance.roles.jobs import (
    JOBS,
    Counters,
    Job,
    Work,
    anchor,
    catch_up,
    check_cluster,
    drop_expired,
    renew_certificates,
    say_alive,
    schedule,
    seal,
    tidy_journal,
    try_confinement,
)
from appliance.settings import ElasticSettings, Settings, StoreSettings
from appliance.state.database import open_sessions, open_state, writing
from appliance.state.models import Base, EnrolToken, Outbox, RoleHealth, SetupLink
from appliance.store.elastic.finding import Watched
from tests.appliance.deliver.samples import SampleCard, sample_alert
from tests.appliance.intake.box import until


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Work]:
    home, settings = Home(tmp_path / "box"), Settings()
    home.create()
    engine = open_state(settings.database(home))
    Base.metadata.create_all(engine)
    sessions = open_sessions(engine)
    writer = Writer(load_catalogue(), settings, lambda _alert, _events: SampleCard())
    yield Work(home, settings, sessions, Courier(home, settings, sessions, writer, now), Counters())
    engine.dispose()


def put_alert(work: Work) -> None:
    with writing(work.sessions) as session:
        alert = sample_alert()
        session.add(alert)
        session.flush()
        enqueue(session, [alert], work.settings, now())


def count(session: Session, table: type[Base]) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def test_the_process_delivers_within_a_second_says_it_lives_and_stops(work: Work) -> None:
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-m", "appliance", "role", "jobs", "--home", str(work.home.root)]
    ensure_pki(work.home, [], now())
    with (work.home.root / "jobs.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:

        def alive() -> bool:
            assert process.poll() is None, (work.home.root / "jobs.log").read_text()
            with work.sessions() as session:
                return session.get(RoleHealth, "jobs") is not None

        def delivered() -> bool:
            with work.sessions() as session:
                return session.scalars(select(Outbox.state)).all() == ["delivered"]

        until(alive)
        put_alert(work)
        until(delivered)
        box = mailbox.Maildir(work.home.mailbox, create=False)
        assert len(box) == 1
        box.close()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_the_heartbeat_says_what_the_confinement_of_readers_lacks(work: Work) -> None:
    work.counters.confinement = "rights_alone"
    told = []
    for look in (lambda _: None, try_confinement):
        look(work)
        say_alive(work)
        with work.sessions() as session:
            told.append(session.get_one(RoleHealth, "jobs").detail["confinement"])
    assert told == ["rights_alone", ""]


def test_every_job_has_one_name_and_a_time() -> None:
    assert len({job.name for job in JOBS}) == len(JOBS)
    assert all(job.every >= SECOND for job in JOBS)


def test_a_job_that_fails_is_counted_and_runs_again(work: Work) -> None:
    def fail(_work: Work) -> None:
        raise ValueError("out of order")

    done = threading.Event()
    jobs = (Job("fails", SECOND // 20, fail), Job("works", SECOND // 20, lambda _work: done.set()))
    scheduler = schedule(work, jobs)
    scheduler.start()
    try:
        until(lambda: work.counters.failures.get("fails", 0) >= 2 and done.is_set())
    finally:
        scheduler.shutdown()
    assert "works" not in work.counters.failures


def test_a_job_never_runs_twice_at_once(work: Work) -> None:
    running, most = 0, 0

    def slow(_work: Work) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.1)  # longer than its interval
        running -= 1

    scheduler = schedule(work, (Job("slow", SECOND // 50, slow),))
    scheduler.start()
    try:
        until(lambda: work.counters.runs.get("slow", 0) >= 4)
    finally:
        scheduler.shutdown()
    assert most == 1


def test_what_opens_nothing_any_more_is_dropped(work: Work) -> None:
    moment = now()
    with writing(work.sessions) as session:
        session.add(SetupLink(token_hash="old", expires_at=moment - 1))
        session.add(SetupLink(token_hash="used", expires_at=moment + DAY, used_at=moment))
        session.add(SetupLink(token_hash="good", expires_at=moment + DAY))
        session.add(EnrolToken(secret_hash="old", created_at=0, expires_at=moment - 1))
        session.add(EnrolToken(secret_hash="good", created_at=0, expires_at=moment + DAY))
    drop_expired(work)
    with work.sessions() as session:
        assert session.scalars(select(SetupLink.token_hash)).all() == ["good"]
        assert session.scalars(select(EnrolToken.secret_hash)).all() == ["good"]


def test_waiting_batches_survive_tidying(work: Work) -> None:
    journal = Journal(work.home.journal, 1 << 20)
    journal.append_many([NewBatch("a", "k", 0, None, 1, b"body")])
    tidy_journal(work)
    assert [batch.key for batch in journal.read(0, 10, 1 << 20)] == ["k"]
    assert journal.append_many([NewBatch("a", "k", 0, None, 1, b"body")])[0].duplicate
    journal.close()


def test_worn_certificates_are_renewed(work: Work) -> None:
    ensure_pki(work.home, ["czujka.urzad.pl"], now() - 300 * DAY)
    before = (work.home.pki / "server.pem").read_bytes()
    renew_certificates(work)
    assert (work.home.pki / "server.pem").read_bytes() != before


def test_a_clock_that_goes_back_makes_every_job_due(work: Work) -> None:
    runs: list[str] = []
    scheduler = schedule(work, [Job("rare", DAY, lambda _: runs.append("rare"))])
    scheduler.start()
    try:
        until(lambda: runs == ["rare"])
        assert catch_up(scheduler, now() - SECOND) >= now() - SECOND
        catch_up(scheduler, now() + SECOND // 2)
        assert runs == ["rare"]
        catch_up(scheduler, now() + DAY)
        until(lambda: runs == ["rare", "rare"])
    finally:
        scheduler.shutdown()


def test_a_job_without_room_on_the_disk_is_one_line_and_runs_again(
    work: Work, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: Work) -> None:
        raise OSError(28, "No space left on device")

    scheduler = schedule(work, [Job("writes", SECOND // 5, fail)])
    scheduler.start()
    try:
        until(lambda: work.counters.failures.get("writes", 0) >= 2)
    finally:
        scheduler.shutdown()
    told = capsys.readouterr()
    assert "nie ma miejsca" in told.out + told.err
    assert "Traceback" not in told.out + told.err


def test_what_is_new_is_sealed_at_its_interval(work: Work) -> None:
    with writing(work.sessions) as session:
        record(session, "anna", "sign_in", "", now())
    seal(work)
    first = work.counters.sealed
    seal(work)
    assert work.counters.sealed == first
    work.counters.sealed -= work.settings.evidence.minutes * MINUTE
    seal(work)
    assert work.counters.sealed > first - MINUTE
    anchor(work)
    with Ledger(work.home.evidence) as ledger:
        assert [entry["payload"]["action"] for entry in ledger.of_kind("operation")] == ["sign_in"]


def test_a_cluster_is_asked_at_the_start_and_the_answer_is_kept(work: Work) -> None:
    check_cluster(work)
    assert not work.home.cluster.exists()
    away = StoreSettings(kind="elasticsearch", elasticsearch=ElasticSettings(hosts=["http://127.0.0.1:9"]))
    afar = replace(work, settings=work.settings.model_copy(update={"store": away}))
    scheduler = schedule(afar, [job for job in JOBS if job.run is check_cluster])
    scheduler.start()
    until(work.home.cluster.exists)
    scheduler.shutdown()
    found = Watched.load(work.home.cluster)
    assert found is not None
    assert found.away_since == found.at
    assert afar.counters.watched == found

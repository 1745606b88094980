"""The process that does what has its time: delivery, tidying, renewal. `JOBS` lists all of it."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import delete, or_
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from appliance.accounts.sessions import forget_over
from appliance.clock import DAY, HOUR, MINUTE, SECOND, now
from appliance.deliver.cards import cards_for
from appliance.deliver.round import Courier
from appliance.deliver.texts import Writer, load_catalogue
from appliance.evidence import anchors
from appliance.evidence.keeper import Keeper
from appliance.evidence.ledger import EvidenceBusy
from appliance.home import Home
from appliance.journal import Journal
from appliance.ops import expiry, holds
from appliance.ops.disk import why
from appliance.ops.health import beat
from appliance.pki import renew_pki
from appliance.roles.ending import when_asked
from appliance.roles.hunting import Hunting
from appliance.settings import Settings
from appliance.slices.look import standing
from appliance.slices.work import Worker
from appliance.state.database import open_sessions, open_state, writing
from appliance.state.models import EnrolToken, Feed, SetupLink
from appliance.store.elastic.finding import Watched
from appliance.vulnerabilities.feeds import Shelf
from appliance.vulnerabilities.work import Matcher

POLL_SECONDS = 0.1
_ALONE = ("hunts", "slices", "cluster")
"""Executors of jobs that may wait for long."""
KEYS_KEPT = 35 * DAY
"""Batch keys are remembered for longer than the 30 days that are promised."""
log = structlog.get_logger()


@dataclass(slots=True)
class Counters:
    """What the process has done since it started."""

    runs: dict[str, int] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    tried: int = 0
    sealed: int = 0
    """When the evidence chain was last brought up to date, in microseconds."""
    watched: Watched | None = None
    """What this process last found of the cluster."""
    confinement: str = ""
    """What is missing of the confinement in which packets are read, one of the words of `look.standing`."""


@dataclass(frozen=True, slots=True)
class Work:
    """What jobs work with."""

    home: Home
    settings: Settings
    sessions: sessionmaker[Session]
    courier: Courier
    counters: Counters
    stop: threading.Event = field(default_factory=threading.Event)
    """Set when the process is to end."""
    hunting: Hunting = field(init=False)

    def __post_init__(self) -> None:
        made = Hunting(self.home, self.settings, self.sessions, self.courier.writer, self.stop)
        object.__setattr__(self, "hunting", made)


@dataclass(frozen=True, slots=True)
class Job:
    """A job, and how often it runs, in microseconds; one that takes long has an executor of its own."""

    name: str
    every: int
    run: Callable[[Work], None]
    executor: str = "default"


def deliver(work: Work) -> None:
    """Send messages that are due."""
    work.counters.tried += work.courier.deliver_due()


def say_alive(work: Work) -> None:
    """Write the heartbeat."""
    counters = work.counters
    detail: dict[str, object] = {"tried": counters.tried, "confinement": counters.confinement}
    detail |= {"runs": dict(counters.runs), "failures": dict(counters.failures)}
    beat(work.sessions, "jobs", detail, now())


def drop_expired(work: Work) -> None:
    """Drop sessions, set-up links and enrolment tokens that open nothing any more, and yesterday's live stream."""
    moment = now()
    links = or_(SetupLink.expires_at < moment, SetupLink.used_at.is_not(None))
    with writing(work.sessions) as session:
        forget_over(session, moment)
        session.execute(delete(SetupLink).where(links))
        session.execute(delete(EnrolToken).where(EnrolToken.expires_at < moment))
        session.execute(delete(Feed).where(Feed.at < moment - DAY))


def tidy_journal(work: Work) -> None:
    """Forget old batch keys and give free space back."""
    journal = Journal(work.home.journal, work.settings.journal.max_bytes)
    try:
        journal.forget_keys(now() - KEYS_KEPT)
        journal.shrink()
    finally:
        journal.close()


def note_expired(work: Work) -> None:
    """Write into the audit log which exceptions and holds have ended; they stopped acting by themselves."""
    with writing(work.sessions) as session:
        expiry.note_expired(session, now())
        holds.note_ended(session, now())


def renew_certificates(work: Work) -> None:
    """Renew the box's own certificates before they wear out."""
    renew_pki(work.home, now())


def seal(work: Work) -> None:
    """Carry what is new into the evidence chain."""
    moment = now()
    if moment - work.counters.sealed >= work.settings.evidence.minutes * MINUTE or moment < work.counters.sealed:
        with suppress(EvidenceBusy):
            # Who holds it carries everything in, as this would.
            Keeper(work.home, work.settings, work.sessions).round()
        work.counters.sealed = moment


def anchor(work: Work) -> None:
    """Send the day's anchor of the evidence chain off the box."""
    anchors.make(Keeper(work.home, work.settings, work.sessions))


def hunt(work: Work) -> None:
    """Run the hunts that wait; this may take hours, and what it does can be cut off anywhere."""
    work.hunting.run()


def follow_rules(work: Work) -> None:
    """Let rules that were added or changed look through the past."""
    work.hunting.follow()


def plan_hunts(work: Work) -> None:
    """Ask for the hunts whose time has come."""
    work.hunting.plan()


def slices(work: Work) -> None:
    """Cut out what was imported here, and let tshark look at packets that came."""
    Worker(work.home, work.sessions).round()


def try_confinement(work: Work) -> None:
    """Find out whether a process that reads packets is confined here; the page Zdrowie says what is missing."""
    work.counters.confinement = standing()


def tidy_slices(work: Work) -> None:
    """Remove packets that were kept for long enough."""
    Worker(work.home, work.sessions).tidy(work.settings.slices.kept_days)


def match_weaknesses(work: Work) -> None:
    """Compare with feeds and tables the inventories that have changed."""
    Matcher(Shelf(work.home.feeds), work.sessions).round(now())


def check_cluster(work: Work) -> None:
    """Ask the cluster that has events how it is, and keep its answer for the pages."""
    settings, counters = work.settings.store, work.counters
    if not settings.clustered:
        return
    from appliance.store.elastic import watching  # noqa: PLC0415 - boxes without a cluster do not pay for it

    if watching.is_due(counters.watched, now()):
        counters.watched = watching.watch(settings, work.home.cluster, now())


JOBS: tuple[Job, ...] = (
    Job("deliver", SECOND, deliver),
    Job("hunt", SECOND, hunt, "hunts"),
    Job("slices", SECOND, slices, "slices"),
    Job("follow_rules", 10 * SECOND, follow_rules),
    Job("plan_hunts", MINUTE, plan_hunts),
    Job("say_alive", 2 * SECOND, say_alive),
    Job("note_expired", MINUTE, note_expired),
    Job("seal", MINUTE, seal),
    Job("anchor", 10 * MINUTE, anchor),
    Job("match_weaknesses", MINUTE, match_weaknesses, "slices"),
    Job("check_cluster", MINUTE, check_cluster, "cluster"),
    Job("tidy_journal", HOUR, tidy_journal),
    Job("tidy_slices", HOUR, tidy_slices),
    Job("try_confinement", HOUR, try_confinement, "slices"),
    Job("drop_expired", DAY, drop_expired),
    Job("renew_certificates", DAY, renew_certificates),
)


def run(home: Home, settings: Settings) -> int:
    """Run the jobs until SIGTERM or SIGINT."""
    stop = threading.Event()
    when_asked(stop.set)
    engine = open_state(settings.database(home))
    sessions = open_sessions(engine)
    courier = Courier(home, settings, sessions, Writer(load_catalogue(), settings, cards_for(settings)), now)
    scheduler = schedule(Work(home, settings, sessions, courier, Counters(), stop))
    scheduler.start()
    try:
        _wake_on_change(home, settings, scheduler, stop)
    finally:
        stop.set()
        scheduler.shutdown()
        engine.dispose()
    return 0


def schedule(work: Work, jobs: Sequence[Job] = JOBS) -> BackgroundScheduler:
    """Return a scheduler of the jobs, not started. Each runs at the start, then at its interval, never twice at once.

    A job that fails is logged and counted, and runs again at its next time.
    """
    # A wake-up while a job runs is not worth a line: what it missed is due again within a second.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    scheduler = BackgroundScheduler(
        timezone=UTC,
        executors={"default": ThreadPoolExecutor(4), **{name: ThreadPoolExecutor(1) for name in _ALONE}},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    for job in jobs:
        scheduler.add_job(
            _guarded,
            "interval",
            args=(job, work),
            executor=job.executor,
            id=job.name,
            seconds=job.every / SECOND,
            next_run_time=datetime.now(UTC),
        )
    return scheduler


def _guarded(job: Job, work: Work) -> None:
    counters = work.counters
    counters.runs[job.name] = counters.runs.get(job.name, 0) + 1
    try:
        job.run(work)
    except (OperationalError, sqlite3.Error, OSError) as error:
        counters.failures[job.name] = counters.failures.get(job.name, 0) + 1
        log.warning("job_failed", job=job.name, reason=why(work.home.root, error))
    except Exception:  # the next run must come; the failure is logged and counted
        counters.failures[job.name] = counters.failures.get(job.name, 0) + 1
        log.exception("job_failed", job=job.name)


def _wake_on_change(home: Home, settings: Settings, scheduler: BackgroundScheduler, stop: threading.Event) -> None:
    """Run `deliver` at once when another process has written to the state, so that mail leaves within a second."""
    seen, last = None, now()
    place = ":memory:" if settings.state_url else home.state
    with closing(sqlite3.connect(place, isolation_level=None)) as connection:
        while not stop.wait(POLL_SECONDS):
            last = catch_up(scheduler, last)
            version = connection.execute("PRAGMA data_version").fetchone()[0]
            if version != seen:
                seen = version
                scheduler.modify_job("deliver", next_run_time=datetime.now(UTC))


def catch_up(scheduler: BackgroundScheduler, last: int) -> int:
    """Make every job due when the clock went back: it would wait until the old time comes again. Return the time."""
    moment = now()
    if moment < last - SECOND:
        log.warning("clock_went_back", seconds=(last - moment) // SECOND)
        for job in scheduler.get_jobs():
            job.modify(next_run_time=datetime.now(UTC))
    return moment

"""The pipeline's process: one loop over the journal, a heartbeat beside it."""

from __future__ import annotations

import os
import shutil
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog
from sqlalchemy.exc import OperationalError

from appliance.clock import now
from appliance.detect import Engine, EventClass, save_plans
from appliance.detect.correlation.correlator import Correlator
from appliance.home import Home
from appliance.journal import DeadLetters, Journal, JournalUnavailable
from appliance.normalise import Event, normalise
from appliance.ops.disk import why
from appliance.ops.health import beat
from appliance.pipeline.correlating import Correlating
from appliance.pipeline.memory import CorrelationMemory
from appliance.pipeline.pipeline import Pipeline
from appliance.pki import importer_id
from appliance.roles.content import LOOK_SECONDS, METER_SECONDS, Watchman, reloader, told
from appliance.roles.ending import when_asked
from appliance.rulesets.reload import Reloader
from appliance.settings import Settings
from appliance.settling import settle
from appliance.state.database import open_sessions, open_state
from appliance.store import Store, StoreUnavailable, StoreWriter, open_reader, open_writer

POLL_SECONDS = 0.02
BEAT_SECONDS = 2.0
RETAIN_SECONDS = 3600.0
PLANS_SECONDS = 30.0
COMPACT_EVERY, COMPACT_SECONDS = 5.0, 0.5
"""How often small segments are merged, and for how long at a time."""
COMPACT_PUT_OFF = 11
"""How often in a row that is put off while there is much to do."""
_ALWAYS_TOLD = frozenset({"groups", "evicted", "late"})
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 5.0
# What a full disk, a locked database or a damaged file raise.
_SINKS = (StoreUnavailable, JournalUnavailable, OperationalError, OSError)
log = structlog.get_logger()


def run(home: Home, settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; what was taken is flushed before the end."""
    stop = threading.Event()
    when_asked(stop.set)
    sessions = open_sessions(open_state(settings.database(home)))
    content = reloader(home, settings, sessions)
    dead_letters = DeadLetters(home.dead_letters)
    store = open_writer(home, settings, dead_letters)
    correlating = _correlating(home, settings, content.current.correlator, store)
    pipeline = Pipeline(
        journal=Journal(home.journal, settings.journal.max_bytes),
        dead_letters=dead_letters,
        store=store,
        engine=content.current.engine,
        sessions=sessions,
        settings=settings,
        normalise=normalise,
        importer=importer_id(home),
        clock=now,
        helpers=settings.pipeline.most(len(os.sched_getaffinity(0))),
        correlating=correlating,
    )
    warming = deque(pipeline.engine.plans)
    plans = PlanKeeper(home.cache, lambda: content.current.engine)
    settle()

    def report() -> None:
        detail = {**asdict(pipeline.counters), **told(content)}
        numbers = correlating.told()
        detail |= {f"correlation_{name}": value for name, value in numbers.items() if value or name in _ALWAYS_TOLD}
        beat(sessions, "pipeline", detail, now())

    put_off = 0

    def keep_small() -> None:
        nonlocal put_off
        # What arrives comes first, but not for ever: many small segments make every question slow.
        put_off = put_off + 1 if pipeline.crew.busy and put_off < COMPACT_PUT_OFF else 0
        if not put_off:
            pipeline.store.compact(COMPACT_SECONDS)

    def retain() -> None:
        pipeline.retain(shutil.disk_usage(home.store).total)

    beside = [
        _every(BEAT_SECONDS, report, stop, home),
        _every(COMPACT_EVERY, keep_small, stop, home),
        _every(RETAIN_SECONDS, retain, stop, home),
        _every(LOOK_SECONDS, content.look, stop, home),
        _every(METER_SECONDS, Watchman(content, sessions, settings.rules.budget).look, stop, home),
        _every(PLANS_SECONDS, plans.keep, stop, home),
    ]
    _loop(pipeline, content, warming, stop, home)
    pipeline.crew.close()
    plans.keep()
    for thread in beside:
        thread.join(timeout=BEAT_SECONDS * 2)
    return 0


@dataclass(slots=True)
class PlanKeeper:
    """Writes down what the engine in force learns, for the next start."""

    folder: Path
    engine: Callable[[], Engine]
    kept: int = 0
    """How many of the engine's lessons are written."""
    _of: Engine | None = None

    def keep(self) -> None:
        """Write the plans if there is anything new."""
        engine = self.engine()
        if engine is not self._of:
            self._of, self.kept = engine, 0
        lessons = engine.lessons
        if lessons != self.kept:
            save_plans(self.folder, dict(engine.plans))
            self.kept = lessons


def _correlating(home: Home, settings: Settings, correlator: Correlator, store: StoreWriter) -> Correlating:
    readers: list[Store] = []

    def find(identity: str, at: int) -> Event | None:
        # Only needed for evidence from before a restart; the reader's engine takes memory.
        if not readers:
            readers.append(open_reader(home, settings))
        return readers[0].get(identity, at)

    return Correlating(correlator, CorrelationMemory(home.correlations, store.applied), find)


def _every(seconds: float, work: Callable[[], None], stop: threading.Event, home: Home) -> threading.Thread:
    """Start a thread that does some work again and again, beside the loop, until the end."""

    def repeat() -> None:
        while not stop.is_set():
            try:
                work()
            except _SINKS as error:
                log.warning("beside_failed", work=work.__name__, reason=why(home.root, error))
            stop.wait(seconds)

    thread = threading.Thread(target=repeat, name=work.__name__, daemon=True)
    thread.start()
    return thread


def _loop(pipeline: Pipeline, content: Reloader, warming: deque[EventClass], stop: threading.Event, home: Home) -> None:
    """Step until told to stop. Idle time goes into getting ready for the events that came before the last start."""
    wait = _FIRST_WAIT
    while not stop.is_set():
        try:
            ready = content.take()
            if ready is not None:
                pipeline.use(ready.engine, ready.correlator)
            busy = pipeline.step()
            wait = _FIRST_WAIT
            if not busy and warming:
                pipeline.engine.warm([warming.popleft()])
            elif not busy:
                stop.wait(POLL_SECONDS)
        except _SINKS as error:
            # A full disk or a locked database: nothing is lost, the journal holds it. Say so and try again.
            log.warning("sink_unavailable", reason=why(home.root, error), retry_seconds=wait)
            stop.wait(wait)
            wait = min(wait * 2, _LONGEST_WAIT)
    _last(pipeline.flush, home)


def _last(flush: Callable[[], None], home: Home) -> None:
    try:
        flush()
    except _SINKS as error:
        log.warning("last_flush_failed", reason=why(home.root, error))

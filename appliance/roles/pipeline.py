"""The pipeline's process: one loop over the journal, a heartbeat beside it."""

from __future__ import annotations

import gc
import shutil
import signal
import threading
from collections.abc import Callable
from dataclasses import asdict

import structlog
from sqlalchemy.exc import OperationalError

from appliance.clock import now
from appliance.home import Home
from appliance.journal import DeadLetters, Journal, JournalUnavailable
from appliance.normalise import normalise
from appliance.ops.disk import why
from appliance.ops.health import beat
from appliance.pipeline.pipeline import Pipeline
from appliance.pki import importer_id
from appliance.roles.content import LOOK_SECONDS, METER_SECONDS, Watchman, reloader, told
from appliance.rulesets.reload import Reloader
from appliance.settings import Settings
from appliance.state.database import open_sessions, open_state
from appliance.store import EmbeddedStore, StoreUnavailable

POLL_SECONDS = 0.02
BEAT_SECONDS = 2.0
RETAIN_SECONDS = 3600.0
COMPACT_EVERY, COMPACT_SECONDS = 5.0, 0.5
"""How often small segments are merged, and for how long at a time."""
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 5.0
# What a full disk, a locked database or a damaged file raise.
_SINKS = (StoreUnavailable, JournalUnavailable, OperationalError, OSError)
log = structlog.get_logger()


def run(home: Home, settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; what was taken is flushed before the end."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    sessions = open_sessions(open_state(settings.database(home)))
    content = reloader(home, settings, sessions)
    pipeline = Pipeline(
        journal=Journal(home.journal, settings.journal.max_bytes),
        dead_letters=DeadLetters(home.dead_letters),
        store=EmbeddedStore(home.store),
        engine=content.current.engine,
        sessions=sessions,
        settings=settings,
        normalise=normalise,
        importer=importer_id(home),
        clock=now,
    )
    gc.collect()
    gc.freeze()

    def report() -> None:
        beat(sessions, "pipeline", {**asdict(pipeline.counters), **told(content)}, now())

    def keep_small() -> None:
        pipeline.store.compact(COMPACT_SECONDS)

    def retain() -> None:
        pipeline.retain(shutil.disk_usage(home.store).total)

    beside = [
        _every(BEAT_SECONDS, report, stop, home),
        _every(COMPACT_EVERY, keep_small, stop, home),
        _every(RETAIN_SECONDS, retain, stop, home),
        _every(LOOK_SECONDS, content.look, stop, home),
        _every(METER_SECONDS, Watchman(content, sessions, settings.rules.budget).look, stop, home),
    ]
    _loop(pipeline, content, stop, home)
    for thread in beside:
        thread.join(timeout=BEAT_SECONDS * 2)
    return 0


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


def _loop(pipeline: Pipeline, content: Reloader, stop: threading.Event, home: Home) -> None:
    wait = _FIRST_WAIT
    while not stop.is_set():
        try:
            ready = content.take()
            if ready is not None:
                pipeline.use(ready.engine, ready.rules)
            busy = pipeline.step()
            wait = _FIRST_WAIT
            if not busy:
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

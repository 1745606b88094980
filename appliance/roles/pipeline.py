"""The pipeline's process: one loop over the journal, a heartbeat beside it."""

from __future__ import annotations

import gc
import shutil
import signal
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import structlog
from sqlalchemy.exc import OperationalError

import rules
from appliance.clock import now
from appliance.detect import Engine, RuleSet, load_rules
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
from appliance.settings import Settings
from appliance.state.database import open_sessions, open_state
from appliance.store import EmbeddedReader, EmbeddedStore, StoreUnavailable

POLL_SECONDS = 0.02
BEAT_SECONDS = 2.0
RETAIN_SECONDS = 3600.0
COMPACT_EVERY, COMPACT_SECONDS = 5.0, 0.5
"""How often small segments are merged, and for how long at a time."""
_ALWAYS_TOLD = frozenset({"groups", "evicted", "late"})
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 5.0
# What a full disk, a locked database or a damaged file raise.
_SINKS = (StoreUnavailable, JournalUnavailable, OperationalError, OSError)
log = structlog.get_logger()


def rule_paths(home: Home, settings: Settings) -> list[Path]:
    """Return where rules are read from: those that ship, the office's own, and the folders of the settings."""
    return [rules.ROOT / "sigma", rules.ROOT / "correlation", home.rules, *settings.rules.folders]


def run(home: Home, settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; what was taken is flushed before the end."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    ruleset = _load(home, settings)
    sessions = open_sessions(open_state(settings.database(home)))
    store = EmbeddedStore(home.store)
    correlating = _correlating(home, ruleset, store)
    pipeline = Pipeline(
        journal=Journal(home.journal, settings.journal.max_bytes),
        dead_letters=DeadLetters(home.dead_letters),
        store=store,
        engine=Engine(ruleset),
        sessions=sessions,
        settings=settings,
        normalise=normalise,
        importer=importer_id(home),
        clock=now,
        correlating=correlating,
    )
    gc.collect()
    gc.freeze()

    def report() -> None:
        detail = {**asdict(pipeline.counters), "rules": len(ruleset.rules), "rule_faults": len(ruleset.faults)}
        told = correlating.told()
        detail |= {f"correlation_{name}": value for name, value in told.items() if value or name in _ALWAYS_TOLD}
        beat(sessions, "pipeline", detail, now())

    def keep_small() -> None:
        pipeline.store.compact(COMPACT_SECONDS)

    def retain() -> None:
        pipeline.retain(shutil.disk_usage(home.store).total)

    beside = [
        _every(BEAT_SECONDS, report, stop, home),
        _every(COMPACT_EVERY, keep_small, stop, home),
        _every(RETAIN_SECONDS, retain, stop, home),
    ]
    _loop(pipeline, stop, home)
    for thread in beside:
        thread.join(timeout=BEAT_SECONDS * 2)
    return 0


def _correlating(home: Home, ruleset: RuleSet, store: EmbeddedStore) -> Correlating:
    readers: list[EmbeddedReader] = []

    def find(identity: str, at: int) -> Event | None:
        # Only needed for evidence from before a restart; the reader's engine takes memory.
        if not readers:
            readers.append(EmbeddedReader(home.store))
        return readers[0].get(identity, at)

    return Correlating(Correlator(ruleset), CorrelationMemory(home.correlations, store.applied), find)


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


def _load(home: Home, settings: Settings) -> RuleSet:
    ruleset = load_rules(rule_paths(home, settings), home.cache)
    for fault in ruleset.faults:
        log.warning("rule_fault", file=str(fault.file), line=fault.line, message=fault.message)
    log.info("rules_loaded", rules=len(ruleset.rules), faults=len(ruleset.faults))
    return ruleset


def _loop(pipeline: Pipeline, stop: threading.Event, home: Home) -> None:
    wait = _FIRST_WAIT
    while not stop.is_set():
        try:
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

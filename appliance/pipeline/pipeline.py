"""One step after another: read, normalise, leave out what is known, detect, alert, store.

Nothing here is remembered that a replay could not make again: the cursor is the store's own, written in one
transaction with the events, and every sink before it is idempotent on the event's id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field

import structlog
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from appliance.alerts.grouping import Hit, apply
from appliance.clock import SECOND
from appliance.detect import Engine, Rule
from appliance.detect.correlation.correlator import Correlator
from appliance.journal import DeadLetters, Journal
from appliance.ops import holds
from appliance.ops.losses import record_gap
from appliance.ops.presence import Watch
from appliance.pipeline.correlating import Correlating
from appliance.pipeline.crew import Crew
from appliance.pipeline.decode import Normalise
from appliance.pipeline.taken import Taken, without
from appliance.pipeline.work import Unit, Worked, Worker, restored
from appliance.settings import Settings
from appliance.state.database import writing
from appliance.state.models import Agent
from appliance.stations import sink
from appliance.store import BatchResult, Keeping, StoreUnavailable, StoreWriter
from appliance.store.shape import Rows, join

FLUSH_AFTER = SECOND
"""Microseconds that an event may wait for others before it goes to the store."""
FLUSH_AFTER_BUSY = 2 * SECOND
"""The same while much waits to be read: fewer and larger segments are written and merged in half the time."""
FLUSH_EVENTS = 20_000
READ_BATCHES, READ_BYTES = 32, 4 << 20
log = structlog.get_logger()


@dataclass(slots=True)
class Counters:
    """What the pipeline has done since it started."""

    records: int = 0
    stored: int = 0
    known: int = 0
    dead: int = 0
    alerts: int = 0
    failed_matches: int = 0


@dataclass(slots=True)
class Pending:
    """Events that are detected but not yet in the store."""

    rows: list[Rows] = field(default_factory=list)
    ids: set[bytes] = field(default_factory=set)
    results: list[BatchResult] = field(default_factory=list)
    upto: int = 0
    since: int | None = None


@dataclass(slots=True)
class Pipeline:
    """The single writer of alerts and store. `clock` gives microseconds since the epoch."""

    journal: Journal
    dead_letters: DeadLetters
    store: StoreWriter
    engine: Engine
    sessions: sessionmaker[Session]
    settings: Settings
    normalise: Normalise
    importer: str
    clock: Callable[[], int]
    helpers: int = 0
    """Processes that may work beside this one."""
    correlating: Correlating | None = None
    counters: Counters = field(default_factory=Counters)
    pending: Pending = field(default_factory=Pending)
    watch: Watch = field(default_factory=Watch)
    crew: Crew = field(init=False)

    def __post_init__(self) -> None:
        self.pending.upto = self.store.applied()
        self.crew = Crew(self._worker(), self.helpers)

    def _worker(self) -> Worker:
        originals = frozenset(self.settings.store.originals)
        if self.correlating is None:
            return Worker(self.engine, self.normalise, self.importer, originals=originals)
        correlator = self.correlating.correlator
        return Worker(
            self.engine,
            self.normalise,
            self.importer,
            correlator.ruleset.correlations,
            originals=originals,
            reader=correlator.reader(),
        )

    def use(self, engine: Engine, correlator: Correlator) -> None:
        """Go on with other rules, of which the correlator is fresh. Call it between two steps."""
        self.watch.renew(self.engine.stats)
        self.engine = engine
        if self.correlating is not None:
            self.correlating.reload(correlator)
        self.crew.use(self._worker())

    def step(self) -> bool:
        """Take what the journal has next. Return whether there was anything.

        Raises what the sinks raise (StoreUnavailable, OperationalError, OSError); the step may then be repeated.
        While only the store fails, events are still detected, as far as memory is meant to hold them.
        """
        fault = self._flush_when_due()
        if fault is not None and len(self.pending.ids) >= FLUSH_EVENTS:
            raise fault
        self._read()
        worked = self.crew.done()
        if worked:
            self._take(worked)
            self.crew.forget(len(worked))
        else:
            # Nothing that has arrived is unread: time may pass up to now.
            self._correlate(self.clock())
        if fault is not None:
            raise fault
        return bool(worked)

    def _read(self) -> None:
        if self.crew.room:
            after = self.crew.newest or self.pending.upto
            self.crew.add(self.journal.read(after, READ_BATCHES, READ_BYTES))

    def _flush_when_due(self) -> StoreUnavailable | None:
        try:
            if self._due():
                self.flush()
        except StoreUnavailable as error:
            return error
        return None

    def flush(self) -> None:
        """Write what is pending to the store, with the cursor, and let the journal forget it.

        While alerts of what was correlated could not be made, nothing is written: it would count as told.
        """
        pending = self.pending
        if not pending.results or (self.correlating is not None and self.correlating.ahead):
            return
        if self.correlating is not None:
            self.correlating.save(pending.upto)
        rows = join(pending.rows)
        self.store.append(rows, pending.results, pending.upto)
        if self.correlating is not None:
            self.correlating.saved()
        self._touch_agents(rows)
        self.journal.forget(pending.upto)
        self.pending = Pending(upto=pending.upto)

    def retain(self, disk_bytes: int) -> None:
        """Let the store drop what is older, or takes more of the disk, than the settings allow; what is held stays."""
        kept = self.settings.store
        with self.sessions() as session:
            held = holds.for_store(session, self.clock())
        gone = self.store.retain(Keeping(kept.kept_days(), int(disk_bytes * kept.disk_share), held))
        # Results are asked for by the keys that the journal knows.
        self.store.forget_results(self.journal.floor())
        if gone.events:
            log.info("retained", **asdict(gone))
        if gone.early or gone.over:
            log.warning("disk_forces", early=gone.early, held=gone.held, over=gone.over)

    def _due(self) -> bool:
        pending = self.pending
        if pending.since is None:
            return False
        # A clock that was set back counts as time that passed.
        after = FLUSH_AFTER_BUSY if self.crew.busy else FLUSH_AFTER
        return len(pending.ids) >= FLUSH_EVENTS or abs(self.clock() - pending.since) >= after

    def _take(self, done: Sequence[tuple[Unit, Worked]]) -> None:
        taken = list(self._compared(done))
        dead = [letter for one in taken for letter in one.dead]
        if dead:
            self.dead_letters.add(dead)
        hits, quiet = self._matched(taken)
        self._alert(taken, hits, quiet)
        self.watch.fired([*(hit.rule.id for hit in hits), *(rule.id for rule in quiet)])
        self._await(taken)
        self.counters.dead += len(dead)
        self.counters.failed_matches += sum(one.worked.found.failed for one in taken)

    def _compared(self, done: Sequence[tuple[Unit, Worked]]) -> Iterator[Taken]:
        """Yield units beside what is in the store or on its way there."""
        seen: set[bytes] = set()
        for unit, worked in done:
            names = worked.rows.names
            yield Taken(unit, worked, names, without(names, self.store.known(worked.rows), self.pending.ids, seen))
            seen.update(names)

    def _await(self, taken: Sequence[Taken]) -> None:
        """Keep what is new until the next flush."""
        pending = self.pending
        for one in taken:
            self.watch.take(one.worked.groups, None if one.fresh.all() else one.fresh.tolist())
            pending.rows.append(one.rows)
            pending.ids.update(one.new)
            results = list(one.results())
            pending.results.extend(results)
            self._count(results)
        pending.upto = taken[-1].unit[-1].seq
        if pending.since is None:
            pending.since = self.clock()

    def _alert(self, taken: Sequence[Taken], hits: Sequence[Hit], quiet: Sequence[Rule]) -> None:
        gaps = [event for one in taken for event in one.gaps()]
        told = [event for one in taken for event in one.stations()]
        if self.correlating is not None:
            self._correlate_all(taken, self.correlating)
            hits = [*hits, *self.correlating.hits()]
        if not hits and not gaps and not quiet and not told:
            return
        with writing(self.sessions) as session:
            for event in gaps:
                record_gap(session, event)
            sink.take(session, told, self.clock())
            self.counters.alerts += len(apply(session, hits, self.clock(), self.settings, quiet))
        if self.correlating is not None:
            self.correlating.done()

    def _matched(self, taken: Sequence[Taken]) -> tuple[list[Hit], list[Rule]]:
        """Return the hits that become alerts, and the rules of those that only serve correlations."""
        silent = frozenset[str]() if self.correlating is None else self.correlating.correlator.plan.silent
        hits: list[Hit] = []
        quiet: list[Rule] = []
        for one in taken:
            for row, places in one.hits():
                rules = self.crew.worker.rules(places)
                loud = [rule for rule in rules if rule.id not in silent]
                if loud:
                    event = restored(one.worked.found.events[row])
                    hits.extend(Hit(rule, event) for rule in loud)
                quiet.extend(rule for rule in rules if rule.id in silent)
        return hits, quiet

    @staticmethod
    def _correlate_all(taken: Sequence[Taken], correlating: Correlating) -> None:
        for one in taken:
            for batch, part in zip(one.unit, one.worked.parts, strict=True):
                if part.newest:
                    correlating.correlator.sender(batch.source, part.newest, batch.received_at)
        for one in taken:
            found, fresh = one.worked.found, one.fresh
            correlating.correlator.seen.add(found.seen)
            for row, offer in found.offers.items():
                if fresh[row]:
                    correlating.take(found.events[row], offer)
        correlating.advance(taken[-1].unit[-1].received_at)

    def _correlate(self, now: int) -> None:
        """Make alerts of correlations that only waited for time to pass."""
        if self.correlating is None:
            return
        self.correlating.advance(now)
        hits = self.correlating.hits()
        if hits:
            with writing(self.sessions) as session:
                self.counters.alerts += len(apply(session, hits, self.clock(), self.settings))
            self.correlating.done()

    def _touch_agents(self, rows: Rows) -> None:
        if not len(rows):
            return
        newest = rows.newest("agent.id")
        at, stats = self.clock(), self.engine.stats
        with writing(self.sessions) as session:
            for agent, moment in newest.items():
                session.execute(update(Agent).where(Agent.id == agent).values(event_at=moment))
            self.watch.write(session, stats, at)
        self.watch.wrote(stats, at)

    def _count(self, results: Sequence[BatchResult]) -> None:
        self.counters.records += sum(result.read for result in results)
        self.counters.stored += sum(result.stored for result in results)
        self.counters.known += sum(result.known for result in results)

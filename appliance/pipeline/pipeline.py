"""One step after another: read, normalise, leave out what is known, detect, alert, store.

Nothing here is remembered that a replay could not make again: the cursor is the store's own, written in one
transaction with the events, and every sink before it is idempotent on the event's id.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

import structlog
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from appliance.alerts.grouping import Hit, apply
from appliance.clock import SECOND
from appliance.detect import Engine, Rule, RuleSet
from appliance.journal import DeadLetter, DeadLetters, Journal
from appliance.normalise import Event
from appliance.ops.losses import record_gap
from appliance.ops.presence import Watch
from appliance.pipeline.correlating import Correlating
from appliance.pipeline.crew import Crew
from appliance.pipeline.decode import Decoded, Normalise
from appliance.pipeline.work import Worked, Worker
from appliance.settings import Settings
from appliance.state.database import writing
from appliance.state.models import Agent
from appliance.store import BatchResult, EmbeddedStore, StoreUnavailable

FLUSH_AFTER = SECOND
"""Microseconds that an event may wait for others before it goes to the store."""
FLUSH_EVENTS = 20_000
READ_BATCHES, READ_BYTES = 32, 4 << 20
Matched = tuple[Event, Sequence[Rule]]
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

    events: list[Event] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    results: list[BatchResult] = field(default_factory=list)
    upto: int = 0
    since: int | None = None


@dataclass(slots=True)
class Pipeline:
    """The single writer of alerts and store. `clock` gives microseconds since the epoch."""

    journal: Journal
    dead_letters: DeadLetters
    store: EmbeddedStore
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
        return Worker(self.engine, self.normalise, self.importer)

    def use(self, engine: Engine, rules: RuleSet) -> None:
        """Go on with other rules. Call it between two steps."""
        self.watch.renew(self.engine.stats)
        self.engine = engine
        self.crew.use(self._worker())
        if self.correlating is not None:
            self.correlating.reload(rules)

    def step(self) -> bool:
        """Take what the journal has next. Return whether there was anything.

        Raises what the sinks raise (StoreUnavailable, OperationalError, OSError); the step may then be repeated.
        While only the store fails, events are still detected, as far as memory is meant to hold them.
        """
        fault = self._flush_when_due()
        if fault is not None and len(self.pending.events) >= FLUSH_EVENTS:
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
        self.store.append(pending.events, pending.results, pending.upto)
        if self.correlating is not None:
            self.correlating.saved()
        self._touch_agents(pending.events)
        self.journal.forget(pending.upto)
        self.pending = Pending(upto=pending.upto)

    def retain(self, disk_bytes: int) -> None:
        """Let the store drop what is older, or takes more of the disk, than the settings allow."""
        kept = self.settings.store
        gone = self.store.retain(kept.retention_days, int(disk_bytes * kept.disk_share))
        if gone.events:
            log.info("retained", **asdict(gone))

    def _due(self) -> bool:
        pending = self.pending
        if pending.since is None:
            return False
        # A clock that was set back counts as time that passed.
        return len(pending.events) >= FLUSH_EVENTS or abs(self.clock() - pending.since) >= FLUSH_AFTER

    def _take(self, worked: Sequence[Worked]) -> None:
        decoded = [one.decoded for one in worked]
        dead = [letter for part in decoded for letter in part.dead]
        if dead:
            self.dead_letters.add(dead)
        fresh, matched, results = self._fresh(worked)
        self._tell_senders(decoded)
        self._alert(fresh, matched, decoded[-1].batch.received_at)
        self.watch.take(fresh, [rule.id for _, rules in matched for rule in rules])
        pending = self.pending
        pending.events.extend(fresh)
        pending.ids.update(str(event["event.id"]) for event in fresh)
        pending.results.extend(results)
        pending.upto = decoded[-1].batch.seq
        if pending.since is None:
            pending.since = self.clock()
        self._count(results, dead)
        self.counters.failed_matches += sum(one.failed for one in worked)

    def _fresh(self, worked: Sequence[Worked]) -> tuple[list[Event], list[Matched], list[BatchResult]]:
        """Return the events that are not in the store yet, those of them that matched, and the result of each batch."""
        seen = self.store.known([event for one in worked for event in one.decoded.events]) | self.pending.ids
        fresh: list[Event] = []
        matched: list[Matched] = []
        results: list[BatchResult] = []
        for one in worked:
            before, part, batch = len(fresh), one.decoded, one.decoded.batch
            hits = dict(one.hits)
            for place, event in enumerate(part.events):
                identity = str(event["event.id"])
                if identity not in seen:
                    seen.add(identity)
                    fresh.append(event)
                    if place in hits:
                        matched.append((event, self.crew.worker.rules(hits[place])))
            new = len(fresh) - before
            known = len(part.events) - new
            results.append(BatchResult(batch.seq, batch.source, part.read, new, known, len(part.dead)))
        return fresh, matched, results

    def _alert(self, events: Sequence[Event], matched: Sequence[Matched], arrived: int) -> None:
        gaps = [event for event in events if event.get("event.action") == "telemetry_gap"]
        hits = [Hit(rule, event) for event, rules in matched for rule in rules]
        quiet: list[Rule] = []
        if self.correlating is not None:
            for event, rules in matched:
                self.correlating.take(event, rules)
            self.correlating.advance(arrived)
            silent = self.correlating.correlator.plan.silent
            quiet = [rule for _, rules in matched for rule in rules if rule.id in silent]
            hits = [hit for hit in hits if hit.rule.id not in silent] + self.correlating.hits()
        if not hits and not gaps and not quiet:
            return
        with writing(self.sessions) as session:
            for event in gaps:
                record_gap(session, event)
            self.counters.alerts += len(apply(session, hits, self.clock(), self.settings, quiet))
        if self.correlating is not None:
            self.correlating.done()

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

    def _tell_senders(self, decoded: Sequence[Decoded]) -> None:
        if self.correlating is None:
            return
        for part in decoded:
            newest = max((moment for event in part.events if isinstance(moment := event["@timestamp"], int)), default=0)
            if newest:
                self.correlating.correlator.sender(part.batch.source, newest, part.batch.received_at)

    def _touch_agents(self, events: Sequence[Event]) -> None:
        newest: dict[str, int] = {}
        for event in events:
            agent, moment = str(event.get("agent.id", "")), event["@timestamp"]
            assert isinstance(moment, int)
            newest[agent] = max(newest.get(agent, moment), moment)
        if not newest:
            return
        at, stats = self.clock(), self.engine.stats
        with writing(self.sessions) as session:
            for agent, moment in newest.items():
                session.execute(update(Agent).where(Agent.id == agent).values(event_at=moment))
            self.watch.write(session, stats, at)
        self.watch.wrote(stats, at)

    def _count(self, results: Sequence[BatchResult], dead: Sequence[DeadLetter]) -> None:
        self.counters.records += sum(result.read for result in results)
        self.counters.stored += sum(result.stored for result in results)
        self.counters.known += sum(result.known for result in results)
        self.counters.dead += len(dead)

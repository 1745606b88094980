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
from appliance.journal import Batch, DeadLetter, DeadLetters, Journal
from appliance.normalise import Event
from appliance.ops.losses import record_gap
from appliance.ops.presence import Watch
from appliance.pipeline.correlating import Correlating
from appliance.pipeline.decode import Decoded, Normalise, decode
from appliance.settings import Settings
from appliance.state.database import writing
from appliance.state.models import Agent
from appliance.store import BatchResult, EmbeddedStore, StoreUnavailable

FLUSH_AFTER = SECOND
"""Microseconds that an event may wait for others before it goes to the store."""
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
    correlating: Correlating | None = None
    counters: Counters = field(default_factory=Counters)
    pending: Pending = field(default_factory=Pending)
    watch: Watch = field(default_factory=Watch)

    def __post_init__(self) -> None:
        self.pending.upto = self.store.applied()

    def use(self, engine: Engine, rules: RuleSet) -> None:
        """Go on with other rules. Call it between two steps."""
        self.watch.renew(self.engine.stats)
        self.engine = engine
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
        batches = self.journal.read(self.pending.upto, READ_BATCHES, READ_BYTES)
        if batches:
            self._take(batches)
        else:
            # Nothing that has arrived is unread: time may pass up to now.
            self._correlate(self.clock())
        if fault is not None:
            raise fault
        return bool(batches)

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

    def _take(self, batches: Sequence[Batch]) -> None:
        decoded = [decode(batch, self.normalise, self.importer) for batch in batches]
        dead = [letter for part in decoded for letter in part.dead]
        if dead:
            self.dead_letters.add(dead)
        fresh, results = self._fresh(decoded)
        self._tell_senders(decoded)
        self._alert(fresh, batches[-1].received_at)
        self.watch.take(fresh)
        pending = self.pending
        pending.events.extend(fresh)
        pending.ids.update(str(event["event.id"]) for event in fresh)
        pending.results.extend(results)
        pending.upto = batches[-1].seq
        if pending.since is None:
            pending.since = self.clock()
        self._count(results, dead)

    def _fresh(self, decoded: Sequence[Decoded]) -> tuple[list[Event], list[BatchResult]]:
        """Return the events that are not in the store yet, and the result of each batch."""
        seen = self.store.known([event for part in decoded for event in part.events]) | self.pending.ids
        fresh: list[Event] = []
        results: list[BatchResult] = []
        for part in decoded:
            before = len(fresh)
            for event in part.events:
                identity = str(event["event.id"])
                if identity not in seen:
                    seen.add(identity)
                    fresh.append(event)
            new, batch = len(fresh) - before, part.batch
            known = len(part.events) - new
            results.append(BatchResult(batch.seq, batch.source, part.read, new, known, len(part.dead)))
        return fresh, results

    def _alert(self, events: Sequence[Event], arrived: int) -> None:
        matched = [(event, rules) for event in events if (rules := self._match(event))]
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

    def _match(self, event: Event) -> Sequence[Rule]:
        try:
            return self.engine.match(event)
        except Exception:  # the event is stored all the same; the failure is counted and shown on the health page
            self.counters.failed_matches += 1
            log.exception("match_failed", event_id=event["event.id"])
            return ()

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

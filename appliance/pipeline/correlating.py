"""Correlations in the pipeline: hits go in, and what comes out becomes hits with the events that prove it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import structlog

from appliance.alerts.grouping import Hit
from appliance.detect.correlation.correlator import Correlator
from appliance.detect.correlation.hits import Offer
from appliance.detect.correlation.match import Match
from appliance.normalise import Event
from appliance.pipeline.memory import CorrelationMemory
from appliance.pipeline.work import Kept, restored

RECENT = 20_000
"""Hits whose events are kept at hand for alerts; older ones are looked up in the store."""
LOOK_UPS = 50
"""Events of one match that are looked up; the rest of its evidence is known by id and time."""
Find = Callable[[str, int], Event | None]
log = structlog.get_logger()


@dataclass(slots=True)
class Correlating:
    """The correlator, its memory on disk, and the events of recent hits. `find` asks the store by id and time."""

    correlator: Correlator
    memory: CorrelationMemory | None = None
    find: Find = lambda _, __: None
    failed: int = 0
    _recent: OrderedDict[str, Kept] = field(default_factory=OrderedDict)
    _waiting: list[Match] = field(default_factory=list)
    """Matches that no alert has yet: a failed transaction is tried again."""
    _unconfirmed: set[tuple[str, str]] = field(default_factory=set)
    """Groups that changed since the store last committed."""
    _upto: int = 0
    _taken: bool = False

    def __post_init__(self) -> None:
        self._tell_faults()
        if self.memory is not None:
            try:
                self.correlator.load(self.memory.load({node.digest for node in self.correlator.plan.nodes}))
            except ValueError as error:
                self.memory.give_up(str(error))

    def take(self, event: Kept, offer: Offer) -> None:
        """Correlate an event; whatever goes wrong costs its correlations alone, is counted and logged."""
        name = offer[0].hex()
        self._recent[name] = event
        if len(self._recent) > RECENT:
            self._recent.popitem(last=False)
        self._taken = True
        try:
            self._waiting += self.correlator.take(offer)
        except Exception:
            self.failed += 1
            log.exception("correlation_failed", event_id=name)

    def advance(self, now: int) -> None:
        """Let time pass; everything that arrived before `now` must have been taken."""
        try:
            self._waiting += self.correlator.advance(now)
        except Exception:
            self.failed += 1
            log.exception("correlation_failed", at=now)

    def hits(self) -> list[Hit]:
        """Return what waits to become alerts; it waits on until `done`."""
        return [hit for match in self._waiting for hit in self._hits(match)]

    def done(self) -> None:
        """Say that the alerts are made."""
        self._waiting.clear()
        self._taken = False

    @property
    def ahead(self) -> bool:
        """Whether it has taken more than alerts were made of; saved now, it would take that for told."""
        return self._taken or bool(self._waiting)

    def save(self, upto: int) -> None:
        """Write what changed, as of a batch, before the store commits it. Raises JournalUnavailable."""
        if self.memory is None:
            return
        groups = self.correlator.memory
        self._unconfirmed |= groups.changed()
        self._unconfirmed, self._upto = self.memory.save(self._unconfirmed, groups, upto), upto

    def saved(self) -> None:
        """Say that the store has committed."""
        self.correlator.memory.note(self._unconfirmed, self._upto)
        self._unconfirmed = set()

    def reload(self, fresh: Correlator) -> None:
        """Go on with other rules; correlations that did not change, with all they refer to, keep their memory."""
        fresh.adopt(self.correlator)
        self.correlator = fresh
        self._tell_faults()

    def _tell_faults(self) -> None:
        for fault in self.correlator.faults:
            log.warning("correlation_fault", file=fault.file, line=fault.line, message=fault.message)

    def told(self) -> dict[str, int]:
        """Counters for the heartbeat."""
        seen, kept = asdict(self.correlator.seen), asdict(self.correlator.kept)
        lost = self.memory.lost if self.memory else 0
        faulty = len(self.correlator.faults)
        return {**seen, **kept, "failed": self.failed, "faulty": faulty, "memory_lost": lost}

    def _hits(self, match: Match) -> list[Hit]:
        entity = ", ".join(match.group) or "*"
        events: list[tuple[str, int, Event | None]] = []
        asked = 0
        for at, identity in reversed(match.evidence):
            event = self._known(identity)
            if event is None and asked < LOOK_UPS:
                asked += 1
                event = self._found(identity, at)
            events.append((identity, at, event))
        like = next((event for _, _, event in events if event), None)
        return [
            Hit(match.correlation, event or _stand_in(identity, at, like), entity, whole=event is not None)
            for identity, at, event in events
        ]

    def _known(self, identity: str) -> Event | None:
        kept = self._recent.get(identity)
        return None if kept is None else restored(kept)

    def _found(self, identity: str, at: int) -> Event | None:
        try:
            return self.find(identity, at)
        except Exception:
            self.failed += 1
            log.exception("evidence_not_found", event_id=identity)
            return None


def _stand_in(identity: str, at: int, like: Event | None) -> Event:
    """An event of which only id and time are known, with the host and sender of one that belongs to it."""
    event: Event = {"event.id": identity, "@timestamp": at, "event.ingested": at}
    for name in ("host.name", "agent.id"):
        if like and name in like:
            event[name] = like[name]
    return event

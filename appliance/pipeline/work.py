"""What is done with batches before anything is written: read, normalise, match. No I/O; any process may do it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson
import structlog

from appliance.detect import Engine, Rule, RuleSet
from appliance.detect.correlation import Correlation
from appliance.detect.correlation.hits import Hits, Offer, Seen, hits_for
from appliance.detect.values import thaw
from appliance.detect.visibility.presence import Group, grouped
from appliance.journal import Batch, DeadLetter
from appliance.normalise import Event
from appliance.pipeline.decode import Normalise, decode
from appliance.stations.told import ACTIONS, concerns
from appliance.store.originals import with_originals
from appliance.store.shape import Rows, encode

log = structlog.get_logger()
GAP = "telemetry_gap"
_TOLD = ACTIONS | {GAP}

Unit = tuple[Batch, ...]
"""Batches that are worked together, in the order of the journal."""
Hit = tuple[int, Sequence[int]]
"""Row of an event, and the places in the rule set of the rules that it satisfies."""
Kept = bytes | Event
"""An event that may be needed, as JSON: most are not, and a text travels and waits cheaper than an object."""


def keep(event: Event) -> Kept:
    """Return an event so that it is cheap to keep."""
    try:
        return orjson.dumps(event)
    except TypeError:
        # Lone surrogates and integers beyond 64 bits: rare, and kept as they are.
        return event


def restored(kept: Kept) -> Event:
    """Return the event of `keep`."""
    return thaw(orjson.loads(kept)) if isinstance(kept, bytes) else kept


@dataclass(frozen=True, slots=True)
class Part:
    """What a batch was: records read, the rows before `end` (and from the part before), time of its newest event."""

    read: int
    end: int
    newest: int
    dead: Sequence[DeadLetter]


@dataclass(frozen=True, slots=True)
class Found:
    """What rules found among events, by row."""

    gaps: Mapping[int, Event]
    """Events that tell of a gap."""
    stations: Mapping[int, Event]
    """Events in which agents tell of their stations."""
    events: Mapping[int, Kept]
    """Those that satisfy a rule."""
    hits: Sequence[Hit]
    offers: Mapping[int, Offer]
    """What correlations take."""
    seen: Seen
    failed: int
    """Events that could not be matched, or not be read for correlations."""


@dataclass(frozen=True, slots=True)
class Worked:
    """What batches hold: rows for the store, and as little else as the steps after need."""

    parts: Sequence[Part]
    rows: Rows
    found: Found
    groups: Sequence[Group]


class Worker:
    """Works batches by one set of rules. Not safe for use by several threads at once."""

    def __init__(
        self,
        engine: Engine,
        normalise: Normalise,
        importer: str,
        correlations: Sequence[Correlation] = (),
        *,
        originals: frozenset[str] = frozenset(),
        reader: Hits | None = None,
    ) -> None:
        self.originals = originals
        self.engine, self.normalise, self.importer, self.correlations = engine, normalise, importer, correlations
        self._places = {id(rule): place for place, rule in enumerate(engine.rules)}
        self._failed = 0
        self._reader = reader or hits_for(RuleSet(list(engine.rules), [], correlations=list(correlations)))

    def work(self, unit: Unit) -> Worked:
        """Return what batches hold and which rules that satisfies."""
        events: list[Event] = []
        lines: list[bytes] = []
        parts: list[Part] = []
        for batch in unit:
            decoded = decode(batch, self.normalise, self.importer)
            events += decoded.events
            lines += decoded.lines if self.originals else ()
            newest = max((event["@timestamp"] for event in decoded.events), default=0)
            assert isinstance(newest, int)
            parts.append(Part(decoded.read, len(events), newest, decoded.dead))
        rows = encode(events)
        if self.originals:
            rows = with_originals(rows, events, lines, self.originals)
        return Worked(parts, rows, self._find(events), grouped(events))

    def _find(self, events: Sequence[Event]) -> Found:
        told = {row: event for row, event in enumerate(events) if event.get("event.action") in _TOLD}
        gaps = {row: event for row, event in told.items() if event["event.action"] == GAP}
        stations = {row: event for row, event in told.items() if concerns(event)}
        kept: dict[int, Kept] = {}
        hits: list[Hit] = []
        offers: dict[int, Offer] = {}
        self._failed, self._reader.seen = 0, Seen()
        for row, rules in enumerate(self._matched(events)):
            if not rules:
                continue
            kept[row] = keep(events[row])
            hits.append((row, [self._places[id(rule)] for rule in rules]))
            try:
                offer = self._reader.read(events[row], rules)
                if offer is not None:
                    offers[row] = offer
            except Exception:  # costs the correlations of this event alone, is counted and shown on the health page
                self._failed += 1
                log.exception("offer_failed", event_id=events[row]["event.id"])
        return Found(gaps, stations, kept, hits, offers, self._reader.seen, self._failed)

    def _matched(self, events: Sequence[Event]) -> Iterable[Sequence[Rule]]:
        try:
            return self.engine.match_many(events)
        except Exception:  # one of them is at fault, and shall be the only one to pay
            log.exception("match_failed", events=len(events))
            return map(self._matched_alone, events)

    def _matched_alone(self, event: Event) -> Sequence[Rule]:
        try:
            return self.engine.match(event)
        except Exception:  # the event is stored all the same; the failure is counted and shown on the health page
            self._failed += 1
            log.exception("match_failed", event_id=event["event.id"])
            return ()

    def rules(self, places: Sequence[int]) -> list[Rule]:
        """Return the rules at these places."""
        return [self.engine.rules[place] for place in places]

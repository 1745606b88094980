"""What is done with batches before anything is written: read, normalise, match. No I/O; any process may do it."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from appliance.detect import Engine, Rule
from appliance.detect.visibility.presence import Group, grouped
from appliance.journal import Batch, DeadLetter
from appliance.normalise import Event
from appliance.pipeline.decode import Normalise, decode
from appliance.store.shape import Rows, encode

log = structlog.get_logger()
THRESHOLDS = (50_000, 20, 100)
"""How rarely garbage is looked for: the events in flight are many, and hardly any of them are part of a cycle."""
GAP = "telemetry_gap"


def seldom_collect() -> None:
    """Settle a process that is ready to work: what it has loaded stays, and garbage is looked for rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


Unit = tuple[Batch, ...]
"""Batches that are worked together, in the order of the journal."""
Hit = tuple[int, Sequence[int]]
"""Row of an event, and the places in the rule set of the rules that it satisfies."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a batch was: records read, the rows before `end` (and from the part before), time of its newest event."""

    read: int
    end: int
    newest: int
    dead: Sequence[DeadLetter]


@dataclass(frozen=True, slots=True)
class Worked:
    """What batches hold, as rows for the store and as little else as the steps after need."""

    parts: Sequence[Part]
    rows: Rows
    events: Mapping[int, Event]
    """Events by row: those that satisfy a rule, and those that tell of a gap."""
    hits: Sequence[Hit]
    groups: Sequence[Group]
    failed: int
    """Events that could not be matched."""


class Worker:
    """Works batches by one set of rules. Not safe for use by several threads at once."""

    def __init__(self, engine: Engine, normalise: Normalise, importer: str) -> None:
        self.engine, self.normalise, self.importer = engine, normalise, importer
        self._places = {id(rule): place for place, rule in enumerate(engine.rules)}

    def work(self, unit: Unit) -> Worked:
        """Return what batches hold and which rules that satisfies."""
        events: list[Event] = []
        parts: list[Part] = []
        for batch in unit:
            decoded = decode(batch, self.normalise, self.importer)
            events += decoded.events
            newest = max((event["@timestamp"] for event in decoded.events), default=0)
            assert isinstance(newest, int)
            parts.append(Part(decoded.read, len(events), newest, decoded.dead))
        found = [self._match(event) for event in events]
        hits = [(row, [self._places[id(rule)] for rule in rules]) for row, rules in enumerate(found) if rules]
        told = {row: events[row] for row, _ in hits}
        told |= {row: event for row, event in enumerate(events) if event.get("event.action") == GAP}
        return Worked(parts, encode(events), told, hits, grouped(events), found.count(None))

    def _match(self, event: Event) -> Sequence[Rule] | None:
        try:
            return self.engine.match(event)
        except Exception:  # the event is stored all the same; the failure is counted and shown on the health page
            log.exception("match_failed", event_id=event["event.id"])
            return None

    def rules(self, places: Sequence[int]) -> list[Rule]:
        """Return the rules at these places."""
        return [self.engine.rules[place] for place in places]

"""What is done with a batch before anything is written: read, normalise, match. No I/O; any process may do it."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from appliance.detect import Engine, Rule
from appliance.journal import Batch
from appliance.normalise import Event
from appliance.pipeline.decode import Decoded, Normalise, decode

log = structlog.get_logger()
THRESHOLDS = (50_000, 20, 100)
"""How rarely garbage is looked for: the events in flight are many, and hardly any of them are part of a cycle."""


def seldom_collect() -> None:
    """Settle a process that is ready to work: what it has loaded stays, and garbage is looked for rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


Hit = tuple[int, Sequence[int]]
"""Place of an event in its batch, and of the rules that it satisfies in the rule set."""


@dataclass(frozen=True, slots=True)
class Worked:
    """A batch as events, and the rules that these satisfy; `failed` counts events that could not be matched."""

    decoded: Decoded
    hits: Sequence[Hit]
    failed: int


class Worker:
    """Works batches by one set of rules. Not safe for use by several threads at once."""

    def __init__(self, engine: Engine, normalise: Normalise, importer: str) -> None:
        self.engine, self.normalise, self.importer = engine, normalise, importer
        self._places = {id(rule): place for place, rule in enumerate(engine.rules)}

    def work(self, batch: Batch) -> Worked:
        """Return what a batch holds and which rules it satisfies."""
        decoded = decode(batch, self.normalise, self.importer)
        hits: list[Hit] = []
        failed = 0
        for number, event in enumerate(decoded.events):
            rules = self._match(event)
            if rules is None:
                failed += 1
            elif rules:
                hits.append((number, [self._places[id(rule)] for rule in rules]))
        return Worked(decoded, hits, failed)

    def _match(self, event: Event) -> Sequence[Rule] | None:
        try:
            return self.engine.match(event)
        except Exception:  # the event is stored all the same; the failure is counted and shown on the health page
            log.exception("match_failed", event_id=event["event.id"])
            return None

    def rules(self, places: Sequence[int]) -> list[Rule]:
        """Return the rules at these places."""
        return [self.engine.rules[place] for place in places]

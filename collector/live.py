"""`czujka-collector run`: the cards' rings become records, kept and sent as the agent's are."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from agent.wire.commands import SLICE
from agent.wire.sending.home import AgentHome
from agent.wire.sending.run import run as run_sensors
from agent.wire.sending.sensor import (
    ALERTING,
    USUAL,
    About,
    Availability,
    Bookmark,
    Gap,
    Item,
    Reading,
    Sensor,
    SensorLost,
)
from collector.acquaintance import Acquaintance
from collector.analysers.analysis import Analysis
from collector.analysers.registry import analysers
from collector.capture import card
from collector.conditions import Conditions, Sample
from collector.foreign.analysed import Analysed
from collector.foreign.sensor import ForeignSensor, Wanted
from collector.foreign.twins import Twins
from collector.heads.head import Entry
from collector.increments import Increments
from collector.losses import Losses
from collector.memory import BOOKMARK, packed, unpacked
from collector.meter import Counts, Meter
from collector.records import wire_record
from collector.settings import Settings
from collector.slices.files import Limits, slices_of
from collector.slices.sending import duty
from collector.watching.alone import Alone
from collector.watching.crew import Crew
from collector.watching.model import Totals, Watching

TICK = 1.0
REMEMBER = 300.0
"""Seconds after which what the analysers know is saved again."""
ACQUAINTANCE = "acquaintance"
"""What is remembered of ends of connections, beside what analysers remember."""
_BULK = frozenset({"conn", "conn_long"})


class NetworkSensor:
    """All cards of this host that are watched, as one sensor."""

    about = About(
        "network",
        "Nagłówki i przebieg połączeń z portu lustrzanego (bez treści i haseł)",
        "Headers and the course of connections of the mirror port (no contents, no passwords)",
    )

    def __init__(
        self, interfaces: Sequence[str], settings: Settings, workers: int = 1, twins: Twins | None = None
    ) -> None:
        """Watch these cards, in this process or with so many workers; `twins` hears what was told."""
        self._twins = twins
        self._sides, self._increments, self._acquaintance = settings.sides, Increments(), Acquaintance()
        self._interfaces = tuple(interfaces)
        self._watching: Watching = (
            Alone(interfaces, settings, analysers())
            if workers == 1
            else Crew(interfaces, settings, analysers(), workers)
        )
        self._meter = Meter(time.monotonic_ns())
        self._conditions = Conditions()
        self._lost = self._missed = 0
        self._look_at = 0.0
        self._remembered: float | None = None

    @property
    def analysis(self) -> Analysis:
        """The analysers of what the cards show."""
        return self._watching.analysis

    def availability(self) -> Availability:
        """Say whether the cards are there, and whether they show all of the traffic."""
        if not all(map(card.exists, self._interfaces)):
            return Availability("off", "sensor.reason.no_interface")
        if reason := self._conditions.reason:
            return Availability("limited", reason)
        if self._watching.totals().full:
            return Availability("limited", "sensor.reason.no_room")
        return Availability("on")

    def open(self, bookmarks: Mapping[str, str]) -> list[Item]:
        """Begin to listen on all cards, the first time with what was known before; raises OSError."""
        if self._remembered is None:
            kept = unpacked(bookmarks.get(BOOKMARK, ""))
            self._watching.analysis.recall(kept)
            if ACQUAINTANCE in kept:
                self._acquaintance.recall(kept[ACQUAINTANCE])
            self._remembered = time.monotonic()
        self._watching.open()
        left = self._conditions.finish(time.time_ns() // 1000)
        self._conditions, self._look_at = Conditions(), 0.0
        self._missed = sum(map(card.missed, self._interfaces))
        self._conditions.take(self._sample())
        return [*left]

    def fileno(self) -> int:
        """Return what becomes readable when there is something to read."""
        return self._watching.fileno()

    def read(self) -> list[Item]:
        """Take what is ready; raises SensorLost when a card went away."""
        found: list[Item] = [self._reading(entry) for entry in self._watching.read()]
        if not all(map(card.exists, self._interfaces)):
            raise SensorLost("interface_gone", 2.0)
        return found

    def wait(self) -> float:
        """Flows end by time too."""
        return TICK

    def tick(self) -> list[Item]:
        """Let silent flows end, and look at what keeps traffic from being seen."""
        found = [one if isinstance(one, Gap) else self._reading(one) for one in self._watching.tick()]
        if self._remembered is not None and time.monotonic() - self._remembered >= REMEMBER:
            found.append(self._memory())
        if time.monotonic() < self._look_at:
            return found
        self._look_at = time.monotonic() + TICK
        sample = self._sample()
        self._lost = sample.dropped + sample.missed
        return found + self._conditions.take(sample)

    def _sample(self) -> Sample:
        totals = self._watching.totals()
        return Sample(
            at=time.time_ns() // 1000,
            steady=time.monotonic_ns() // 1000,
            frames=totals.frames,
            dropped=totals.dropped,
            missed=sum(map(card.missed, self._interfaces)) - self._missed,
            cut=totals.cut,
            sides=totals.sides,
            crossed=totals.crossed,
            carrier=all(map(card.carrier, self._interfaces)),
            one_way=self._meter.one_way,
            losses=self._losses(totals),
        )

    def _losses(self, totals: Totals) -> Losses:
        return totals.losses._replace(analysis=self._watching.analysis.faults)

    def close(self) -> None:
        """Stop listening."""
        self._watching.close()

    @property
    def frames(self) -> int:
        """Frames that were read since the start."""
        return self._watching.totals().frames

    def finish(self) -> list[Item]:
        """Tell the flows that still live, and what is known: nothing more will be read."""
        told = [self._reading(entry) for entry in self._watching.finish()]
        return [*told, *self._conditions.finish(time.time_ns() // 1000), self._memory()]

    def figures(self) -> Mapping[str, int]:
        """Return what the heartbeat says of the traffic."""
        totals = self._watching.totals()
        figures = self._meter.figures(Counts(totals.frames, totals.bytes, self._lost), time.monotonic_ns())
        return {**figures, **{name: count for name, count in self._losses(totals)._asdict().items() if count}}

    def _memory(self) -> Reading:
        """Return what moves only the bookmark: what the analysers know now."""
        self._remembered = time.monotonic()
        memory = {**self._watching.analysis.memory(), ACQUAINTANCE: self._acquaintance.memory()}
        return Reading(None, bookmark=Bookmark(BOOKMARK, packed(memory)))

    def _reading(self, entry: Entry) -> Reading:
        if entry.log.path == "conn":
            self._meter.ended(entry.log.fields)
        if self._twins is not None:
            self._twins.note(entry)
        told = self._sides.say(self._increments.say(self._acquaintance.say(entry)))
        return Reading(wire_record(told), USUAL if entry.log.path in _BULK else ALERTING)


def run(
    home: AgentHome,
    interfaces: Sequence[str],
    settings: Settings,
    workers: int,
    others: Sequence[Wanted],
    *,
    limits: Limits,
) -> int:
    """Watch cards and follow other sensors' logs until SIGTERM or SIGINT; return the exit code.

    `limits` bound the heads of flows on disk.
    """
    twins = Twins() if interfaces and others else None
    keeping = bool(limits.bytes and interfaces)
    wanted = settings._replace(slices=(slices_of(home), limits)) if keeping else settings
    cards = [NetworkSensor(interfaces, wanted, workers, twins)] if interfaces else []
    analysis = cards[0].analysis if cards else Analysis(analysers())
    analysed = Analysed(settings.sides, analysis, shared=bool(cards))
    foreign = [ForeignSensor(others, twins, analysed)] if others else []

    def sensors(_boot_id: str) -> Sequence[Sensor]:
        return [*cards, *foreign]

    def facts() -> Mapping[str, Any]:
        return {"figures": {sensor.about.name: dict(sensor.figures()) for sensor in cards}}

    return run_sensors(home, sensors, facts, {SLICE: duty(home)} if keeping else {}, listens=True)

"""`czujka-collector run`: the cards' rings become records, kept and sent as the agent's are."""

from __future__ import annotations

import select
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agent.wire.sending.home import AgentHome
from agent.wire.sending.run import run as run_sensors
from agent.wire.sending.sensor import ALERTING, USUAL, About, Availability, Item, Reading, Sensor, SensorLost
from collector.analysers.registry import analysers
from collector.capture import card
from collector.capture.ring import Ring
from collector.conditions import Conditions, Sample
from collector.heads.head import Entry
from collector.meter import Counts, Meter
from collector.protocols.registry import PROTOCOLS
from collector.records import wire_record
from collector.settings import Settings
from collector.watch import Watch

BLOCKS = 16
"""Blocks of a card that one reading takes; the rest comes with the next."""
TICK = 1.0
_BULK = frozenset({"conn", "conn_long"})


class NetworkSensor:
    """All cards of this host that are watched, as one sensor: a flow may go out over one and come in over another."""

    about = About(
        "network",
        "Nagłówki i przebieg połączeń z portu lustrzanego (bez treści i haseł)",
        "Headers and the course of connections of the mirror port (no contents, no passwords)",
    )

    def __init__(self, interfaces: Sequence[str], settings: Settings) -> None:
        self._interfaces = tuple(interfaces)
        self._rules = settings.rules
        self._rings: list[Ring] = []
        self._poll: select.epoll | None = None
        self._watch = Watch(PROTOCOLS, settings.office, analysers=analysers())
        self._meter = Meter(time.monotonic_ns())
        self._conditions = Conditions()
        self._lost = self._missed = 0
        self._look_at = 0.0

    def availability(self) -> Availability:
        """Say whether the cards are there, and whether they show all of the traffic."""
        if not all(map(card.exists, self._interfaces)):
            return Availability("off", "sensor.reason.no_interface")
        reason = self._conditions.reason
        return Availability("limited", reason) if reason else Availability("on")

    def open(self, _bookmarks: Mapping[str, str]) -> list[Item]:
        """Begin to listen on all cards; raises OSError."""
        self._poll = select.epoll()
        self._conditions, self._look_at = Conditions(), 0.0
        self._missed = sum(map(card.missed, self._interfaces))
        self._conditions.take(self._sample())
        for name in self._interfaces:
            ring = Ring(name, rules=self._rules)
            self._rings.append(ring)
            self._poll.register(ring.fileno(), select.EPOLLIN | select.EPOLLERR)
        return []

    def fileno(self) -> int:
        """Return what becomes readable when any card has a block."""
        assert self._poll is not None
        return self._poll.fileno()

    def read(self) -> list[Item]:
        """Take the blocks that are ready; raises SensorLost when a card went away."""
        found: list[Item] = []
        for ring in self._rings:
            for batch in ring.batches(BLOCKS):
                found += self._readings(self._watch.take(batch))
        if not all(card.exists(ring.interface) for ring in self._rings):
            raise SensorLost("interface_gone", 2.0)
        return found

    def wait(self) -> float:
        """Flows end by time too."""
        return TICK

    def tick(self) -> list[Item]:
        """Let silent flows end, and look at what keeps traffic from being seen."""
        found = self._readings(self._watch.tick(time.time_ns()))
        if time.monotonic() < self._look_at:
            return found
        self._look_at = time.monotonic() + TICK
        sample = self._sample()
        self._lost = sample.dropped + sample.missed
        return found + self._conditions.take(sample)

    def _sample(self) -> Sample:
        table = self._watch.table
        return Sample(
            at=time.time_ns() // 1000,
            steady=time.monotonic_ns() // 1000,
            frames=self._watch.frames,
            dropped=sum(ring.statistics().drops for ring in self._rings),
            missed=sum(map(card.missed, self._interfaces)) - self._missed,
            cut=self._watch.cut,
            sides=table.sides,
            crossed=table.crossed,
            carrier=all(map(card.carrier, self._interfaces)),
            one_way=self._meter.one_way,
        )

    def close(self) -> None:
        """Stop listening."""
        for ring in self._rings:
            ring.close()
        self._rings.clear()
        if self._poll is not None:
            self._poll.close()
            self._poll = None

    @property
    def frames(self) -> int:
        """Frames that were read since the start."""
        return self._watch.frames

    def finish(self) -> list[Item]:
        """Tell the flows that still live: nothing more will be read."""
        return self._readings(self._watch.finish())

    def figures(self) -> Mapping[str, int]:
        """Return what the heartbeat says of the traffic."""
        counts = Counts(self._watch.frames, self._watch.bytes, self._lost)
        return self._meter.figures(counts, time.monotonic_ns())

    def _readings(self, entries: Iterable[Entry]) -> list[Item]:
        return [self._reading(entry) for entry in entries]

    def _reading(self, entry: Entry) -> Reading:
        if entry.log.path == "conn":
            self._meter.ended(entry.log.fields)
        return Reading(wire_record(entry), USUAL if entry.log.path in _BULK else ALERTING)


def run(home: AgentHome, interfaces: Sequence[str], settings: Settings) -> int:
    """Watch until SIGTERM or SIGINT; return the exit code."""
    sensor = NetworkSensor(interfaces, settings)

    def sensors(_boot_id: str) -> Sequence[Sensor]:
        return (sensor,)

    def facts() -> Mapping[str, Any]:
        return {"figures": {sensor.about.name: dict(sensor.figures())}}

    return run_sensors(home, sensors, facts)

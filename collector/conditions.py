"""What keeps the sensor from seeing all of the traffic: told while it lasts, entered as a loss where events are lost.

No sockets, files or clocks: samples go in, once a second.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.wire.sending.sensor import Gap
from collector.losses import CAUSES, NONE, REASONS, Growing, Losses

KEPT = 60_000_000
"""Microseconds for which what passed at once (a drop, a cut frame) is still told."""
SILENT = 60_000_000
"""Microseconds without any frame after which a mirror port is silent: an office's network never is."""
CLOCK_KEPT = 600_000_000
CLOCK_JUMP = 2_000_000
"""Microseconds by which a clock moves against the time that passed when somebody has set it."""
AGAIN = 3_600_000_000
"""Microseconds after which what lasts is entered again."""
ENOUGH, CROSSED = 1000, 10
"""Batches' sides of flows after which a share means something; percent of them in another VLAN than their flow."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Running totals and states at a time (microseconds of Unix time; `steady` is a clock that nobody sets)."""

    at: int
    steady: int
    frames: int = 0
    dropped: int = 0
    missed: int = 0
    """Frames that the cards lost before the kernel saw them."""
    cut: int = 0
    """Frames of which only a part was captured."""
    sides: int = 0
    crossed: int = 0
    carrier: bool = True
    one_way: bool = False
    losses: Losses = NONE


class _Lasting:
    """Something that lasts: its time is entered when it begins, again each hour, and at its end."""

    def __init__(self, cause: str) -> None:
        self._cause = cause
        self._told: int | None = None

    def gaps(self, *, lasts: bool, since: int, now: int) -> list[Gap]:
        if self._told is None:
            if not lasts:
                return []
            self._told = now
            return [Gap(self._cause, 0, since, now)]
        if lasts and now - self._told < AGAIN:
            return []
        gap = Gap(self._cause, 0, self._told, now)
        self._told = now if lasts else None
        return [gap]


class Conditions:
    """Keeps what is wrong now. `reason` is the catalogue's key of the worst of it, empty when all is well."""

    def __init__(self) -> None:
        self._before: Sample | None = None
        self._heard = 0
        self._until: dict[str, int] = {}
        self._window = (0, 0)
        self._crossed = False
        self._silence = _Lasting("capture_silent")
        self._half = _Lasting("capture_one_way")
        self._growing = {name: Growing(cause) for name, cause in CAUSES.items()}
        self.reason = ""

    def take(self, sample: Sample) -> list[Gap]:
        """Return the losses that a sample shows."""
        before, self._before = self._before, sample
        if before is None:
            self._heard, self._window = sample.at, (sample.sides, sample.crossed)
            return []
        if sample.frames != before.frames or sample.at < self._heard:
            self._heard = sample.at
        found = [*self._counted(before, sample), *self._passed_over(before, sample)]
        silent = not sample.carrier or sample.at - self._heard > SILENT
        found += self._silence.gaps(lasts=silent, since=self._heard, now=sample.at)
        found += self._half.gaps(lasts=sample.one_way, since=before.at, now=sample.at)
        if abs((sample.at - before.at) - (sample.steady - before.steady)) > CLOCK_JUMP:
            self._until["clock"] = sample.steady + CLOCK_KEPT
        self._judge_vlans(sample)
        self.reason = self._worst(sample, silent=silent)
        return found

    def _counted(self, before: Sample, sample: Sample) -> list[Gap]:
        found = []
        for name, cause, lost in (
            ("drops", "capture_dropped", sample.dropped - before.dropped),
            ("card_missed", "card_missed", sample.missed - before.missed),
        ):
            if lost > 0:
                found.append(Gap(cause, lost, min(before.at, sample.at), sample.at))
                self._until[name] = sample.steady + KEPT
        if sample.cut > before.cut:
            self._until["cut"] = sample.steady + KEPT
        return found

    def _passed_over(self, before: Sample, sample: Sample) -> list[Gap]:
        """Return what the sensor itself lost; what grows is told for a while."""
        found: list[Gap] = []
        for name, was, now in zip(Losses._fields, before.losses, sample.losses, strict=True):
            if now > was:
                self._until[name] = sample.steady + KEPT
            if name in self._growing:
                found += self._growing[name].grown(now - was, before.at, sample.at, sample.steady)
        return found

    def finish(self, now: int) -> list[Gap]:
        """Return what of losses was not entered yet: no sample follows. Microseconds of Unix time."""
        return [gap for one in self._growing.values() for gap in one.rest(now)]

    def _judge_vlans(self, sample: Sample) -> None:
        sides, crossed = sample.sides - self._window[0], sample.crossed - self._window[1]
        if sides >= ENOUGH:
            self._crossed = 100 * crossed >= CROSSED * sides
            self._window = (sample.sides, sample.crossed)

    def _worst(self, sample: Sample, *, silent: bool) -> str:
        names = ("card_missed", "drops", "cut", *REASONS)
        lately = [name for name in names if self._until.get(name, 0) > sample.steady]
        now = [
            *(["no_link"] if not sample.carrier else ["silent"] if silent else []),
            *(["one_way"] if sample.one_way else []),
            *lately,
            *(["vlans"] if self._crossed else []),
            *(["clock"] if self._until.get("clock", 0) > sample.steady else []),
        ]
        return f"sensor.reason.{now[0]}" if now else ""

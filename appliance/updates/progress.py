"""How far the versions of the agent have come: which station runs what, and how each stands to a roll-out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from agent.wire.update import RINGS, is_version, later, place
from appliance.packages.shelf import packages
from appliance.state.models import Agent, AgentState
from appliance.state.updates import Rollout, RolloutState, UpdateWait, WentBack
from appliance.stations.kinds import is_sensor
from appliance.stations.silence import SILENT


class Standing(StrEnum):
    """How a station stands to a roll-out."""

    HAS = "has"
    """It runs the version or a later one."""
    BACK = "back"
    """It tried the version and went back."""
    SILENT = "silent"
    """It is offered the version but was not heard of for long."""
    POWER = "power"
    """It has heard of the version and waits until its battery is charged, or for mains."""
    BUSY = "busy"
    """It has heard of the version and waits until nobody keeps its screen on."""
    WAITS = "waits"
    """It is offered the version and has not taken it yet."""
    LATER = "later"
    """It is not offered the version now."""


WAITING = (Standing.WAITS, Standing.POWER, Standing.BUSY)
"""Offered the version, heard of, and without it."""


class Place(NamedTuple):
    """A station in a roll-out: the ring that it belongs to, and how it stands."""

    agent: Agent
    ring: int
    standing: Standing
    back: WentBack | None
    wait: UpdateWait | None


class Ring(NamedTuple):
    """One ring: the stations of it alone, not of those before it."""

    ring: int
    open: bool
    total: int
    standing: Counter[Standing]

    @property
    def waits(self) -> int:
        """How many were offered the version, are heard of, and do not run it yet."""
        return sum(self.standing[one] for one in WAITING)


class Shelved(NamedTuple):
    """A package in hand."""

    kind: str
    version: str
    name: str
    size: int
    made_at: int
    signed: bool
    """Whether a signature lies beside it."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A roll-out and every station that could take it."""

    rollout: Rollout
    places: Sequence[Place]

    @property
    def rings(self) -> tuple[Ring, ...]:
        """The rings, first to last."""
        return tuple(_ring(self.rollout, ring, [one for one in self.places if one.ring == ring]) for ring in RINGS)

    def count(self, standing: Standing) -> int:
        """Return how many stations stand so."""
        return sum(one.standing == standing for one in self.places)

    def those(self, *standings: Standing) -> list[Place]:
        """Return the stations that stand so, first ring first."""
        return [one for one in self.places if one.standing in standings]

    @property
    def halted(self) -> bool:
        """Whether it stopped, and stations went back."""
        return self.rollout.state == RolloutState.STOPPED and self.count(Standing.BACK) > 0


def _ring(rollout: Rollout, ring: int, places: Sequence[Place]) -> Ring:
    return Ring(ring, ring <= rollout.ring, len(places), Counter(one.standing for one in places))


def stations(session: Session) -> list[Agent]:
    """Return the stations whose agents update themselves, by name."""
    query = select(Agent).where(Agent.state != AgentState.REVOKED).order_by(Agent.hostname, Agent.id)
    return [one for one in session.scalars(query) if not is_sensor(one)]


def progress(session: Session, rollout: Rollout, now: int) -> Progress:
    """Return how far a roll-out is."""
    rows = session.scalars(select(WentBack).where(WentBack.version == rollout.version))
    back = {one.agent_id: one for one in rows}
    waits = {one.agent_id: one for one in session.scalars(select(UpdateWait))}
    offered = rollout.state == RolloutState.GOING and rollout.not_before <= now
    places = []
    for agent in stations(session):
        part = place(agent.id, rollout.version)
        ring = next(one for one in RINGS if part < one)
        one = Place(agent, ring, Standing.LATER, back.get(agent.id), waits.get(agent.id))
        places.append(one._replace(standing=_standing(one, rollout, now, offered=offered and ring <= rollout.ring)))
    return Progress(rollout, sorted(places, key=lambda one: one.ring))


def _standing(one: Place, rollout: Rollout, now: int, *, offered: bool) -> Standing:
    if is_version(one.agent.version) and not later(rollout.version, one.agent.version):
        return Standing.HAS
    if one.back is not None:
        return Standing.BACK
    if not offered:
        return Standing.LATER
    if (one.agent.seen_at or 0) <= now - SILENT:
        return Standing.SILENT
    return Standing.WAITS if one.wait is None else Standing(one.wait.why)


def versions(agents: Iterable[Agent]) -> dict[str, list[Agent]]:
    """Return the stations by the version that they run, the latest first; an empty one is not known."""
    found: dict[str, list[Agent]] = {}
    for one in agents:
        found.setdefault(one.version, []).append(one)
    return dict(sorted(found.items(), key=lambda one: _order(one[0]), reverse=True))


def _order(version: str) -> tuple[list[int], str]:
    return ([int(part) for part in version.split(".")] if is_version(version) else [], version)


def shelved(folder: Path) -> list[Shelved]:
    """Return the packages in hand, the latest of each kind first; raises OSError."""
    return [
        Shelved(
            str(one.kind), one.version, one.path.name, one.path.stat().st_size,
            one.path.stat().st_mtime_ns // 1000, one.signature.is_file(),
        )
        for one in packages(folder)
    ]  # fmt: skip

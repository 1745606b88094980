"""Roll-outs of the agent's versions: started, promoted from ring to ring, stopped, resumed, ended.

All in the session of the caller. Who acts on what they have seen says which roll-out it was (`number`): another one
that has begun since is not touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from agent.wire.commands import UPDATE, Command
from agent.wire.update import BUSY, MAX_PACKAGE, POWER, RINGS, Manifest, is_version, later, place
from appliance.clock import HOUR
from appliance.ops.operations import record
from appliance.packages.shelf import Kind, Package, latest
from appliance.state.models import Agent
from appliance.state.updates import Rollout, RolloutState, UpdateWait, WentBack
from appliance.stations.kinds import is_sensor

ENOUGH = 2
"""Stations that went back after which a roll-out stops by itself."""
PATIENCE = HOUR
"""Microseconds in which a station may obey the command that one answer carries."""
_NUMBERS = 1 << 40
"""Roll-outs' commands are numbered apart from others."""
REASONS = frozenset({"crashed", "silent"})


class Reason(StrEnum):
    """Why a roll-out cannot be started or changed."""

    NO_PACKAGE = "no_package"
    NOT_LATER = "not_later"
    TOO_LARGE = "too_large"
    NONE = "none"
    EVERYWHERE = "everywhere"
    STOPPED = "stopped"
    """It would have to be resumed first."""
    ENDED = "ended"
    CHANGED = "changed"
    """It is not as the asker has seen it."""


class CannotRollOut(RuntimeError):
    """A roll-out cannot be started or changed."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def startable(session: Session, folder: Path) -> Package:
    """Return the package that would be rolled out now; raises CannotRollOut."""
    package = latest(folder, Kind.UPDATE)
    if package is None:
        raise CannotRollOut(Reason.NO_PACKAGE)
    newest = newest_of(session)
    if newest is not None and not later(package.version, newest.version):
        raise CannotRollOut(Reason.NOT_LATER)
    return package


def start(
    session: Session, folder: Path, who: str, now: int, not_before: int = 0, *, version: str | None = None
) -> Rollout:
    """Start the latest version on the shelf, which the asker may name, in the first ring.

    Raises CannotRollOut and OSError.
    """
    package = startable(session, folder)
    if version not in {None, package.version}:
        raise CannotRollOut(Reason.CHANGED)
    size = package.path.stat().st_size
    if size > MAX_PACKAGE:
        raise CannotRollOut(Reason.TOO_LARGE)
    row = Rollout(
        version=package.version,
        sha256=package.sha256(),
        size=size,
        ring=RINGS[0],
        not_before=not_before,
        state=RolloutState.GOING,
        started_at=now,
        changed_at=now,
    )
    session.add(row)
    session.flush()
    record(session, who, "rollout.started", package.version, now, ring=row.ring)
    return row


def next_ring(row: Rollout) -> int | None:
    """Return the ring that a roll-out would be promoted to; None when it is for all."""
    return next((ring for ring in RINGS if ring > row.ring), None)


def promote(session: Session, who: str, now: int, *, number: int | None = None, to: int | None = None) -> Rollout:
    """Take the newest roll-out to its next ring, which the asker may name; raises CannotRollOut."""
    row = _current(session, number)
    if row.state == RolloutState.STOPPED:
        raise CannotRollOut(Reason.STOPPED)
    ring = next_ring(row)
    if ring is None:
        raise CannotRollOut(Reason.EVERYWHERE)
    if to not in {None, ring}:
        raise CannotRollOut(Reason.CHANGED)
    row.ring, row.changed_at = ring, now
    record(session, who, "rollout.promoted", row.version, now, ring=row.ring)
    return row


def stop(session: Session, who: str, now: int, went_back: int = 0, *, number: int | None = None) -> Rollout:
    """Stop the newest roll-out until it is resumed: stations that have the version keep it; raises CannotRollOut."""
    return _moved(session, _current(session, number), RolloutState.STOPPED, who, now, went_back=went_back)


def resume(session: Session, who: str, now: int, *, number: int | None = None) -> Rollout:
    """Let a stopped roll-out go on in its ring; raises CannotRollOut."""
    return _moved(session, _current(session, number), RolloutState.GOING, who, now)


def end(session: Session, who: str, now: int, *, number: int | None = None) -> Rollout:
    """End the newest roll-out for good: only a later version can be rolled out then; raises CannotRollOut."""
    return _moved(session, _current(session, number), RolloutState.ENDED, who, now)


_ACTIONS: Mapping[RolloutState, str] = {
    RolloutState.STOPPED: "rollout.stopped",
    RolloutState.GOING: "rollout.resumed",
    RolloutState.ENDED: "rollout.ended",
}


def _moved(session: Session, row: Rollout, state: RolloutState, who: str, now: int, **more: int) -> Rollout:
    if row.state == state:
        raise CannotRollOut(Reason.CHANGED)
    row.state, row.changed_at = state, now
    record(session, who, _ACTIONS[state], row.version, now, ring=row.ring, **more)
    return row


def _current(session: Session, number: int | None) -> Rollout:
    row = newest_of(session)
    if row is None:
        raise CannotRollOut(Reason.NONE)
    if number not in {None, row.id}:
        raise CannotRollOut(Reason.CHANGED)
    if row.state == RolloutState.ENDED:
        raise CannotRollOut(Reason.ENDED)
    return row


def newest_of(session: Session) -> Rollout | None:
    """Return the newest roll-out; only that one is offered."""
    return session.scalar(select(Rollout).order_by(Rollout.id.desc()).limit(1))


def manifest_of(row: Rollout) -> Manifest:
    """Return the statement about a roll-out's version."""
    return Manifest(row.version, row.sha256, row.size, row.ring, row.not_before)


def offered(session: Session, agent_id: str, version: str, now: int) -> Rollout | None:
    """Return the roll-out of a version when it is for this station now."""
    row = newest_of(session)
    if row is None or row.version != version or row.state != RolloutState.GOING or row.not_before > now:
        return None
    back = session.get(WentBack, (agent_id, version))
    return row if back is None and place(agent_id, version) < row.ring else None


def commands(session: Session, agent_id: str, running: str, now: int) -> list[Command]:
    """Return what a station that runs `running` is told about a newer version: nothing, or to fetch it."""
    newest = newest_of(session)
    if newest is None or not is_version(running) or not later(newest.version, running):
        return []
    agent = session.get(Agent, agent_id)
    if agent is not None and is_sensor(agent):  # comes as a package of its own and takes no such command
        return []
    row = offered(session, agent_id, newest.version, now)
    # Each change of the roll-out makes another command: a station that gave up when it was stopped shall try again.
    number = _NUMBERS + newest.changed_at
    return [] if row is None else [Command(number, agent_id, UPDATE, row.version, now + PATIENCE)]


def note_failure(session: Session, agent_id: str, told: Mapping[str, str], now: int) -> None:
    """Keep that a version was no good on a station; the roll-out stops when ENOUGH stations say so."""
    version, reason = told.get("version", ""), told.get("reason", "")
    row = newest_of(session)
    if row is None or row.version != version or reason not in REASONS:
        return
    if session.get(WentBack, (agent_id, version)) is not None:
        return
    session.add(WentBack(agent_id=agent_id, version=version, reason=reason, at=now))
    session.flush()
    went_back = count_back(session, version)
    if went_back >= ENOUGH and row.state == RolloutState.GOING:
        stop(session, "czujka", now, went_back)


def note_wait(session: Session, agent_id: str, why: str, now: int) -> None:
    """Keep why a station puts a newer version off; anything but the known reasons is none."""
    row = session.get(UpdateWait, agent_id)
    if why not in {POWER, BUSY}:
        if row is not None:
            session.delete(row)
    elif row is None:
        session.add(UpdateWait(agent_id=agent_id, why=why, since=now))
    elif row.why != why:
        row.why, row.since = why, now


def count_back(session: Session, version: str) -> int:
    """Return how many stations went back from a version."""
    return session.scalar(select(func.count()).select_from(WentBack).where(WentBack.version == version)) or 0


def count_running(session: Session, version: str) -> int:
    """Return how many stations run a version."""
    return session.scalar(select(func.count()).select_from(Agent).where(Agent.version == version)) or 0

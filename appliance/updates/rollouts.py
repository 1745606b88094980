"""Roll-outs of the agent's versions: started, promoted from ring to ring, stopped. All in the session of the caller."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from agent.wire.commands import UPDATE, Command
from agent.wire.update import MAX_PACKAGE, RINGS, Manifest, is_version, later, place
from appliance.clock import HOUR
from appliance.ops.operations import record
from appliance.packages.shelf import Kind, latest
from appliance.state.models import Agent
from appliance.state.updates import Rollout, RolloutState, WentBack

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


class CannotRollOut(RuntimeError):
    """A roll-out cannot be started or changed."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def start(session: Session, folder: Path, who: str, now: int, not_before: int = 0) -> Rollout:
    """Start the latest version on the shelf, in the first ring; raises CannotRollOut and OSError."""
    package = latest(folder, Kind.UPDATE)
    if package is None:
        raise CannotRollOut(Reason.NO_PACKAGE)
    newest = newest_of(session)
    if newest is not None and not later(package.version, newest.version):
        raise CannotRollOut(Reason.NOT_LATER)
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


def promote(session: Session, who: str, now: int) -> Rollout:
    """Take the newest roll-out to its next ring, or on again when it was stopped; raises CannotRollOut."""
    row = newest_of(session)
    if row is None:
        raise CannotRollOut(Reason.NONE)
    if row.state == RolloutState.STOPPED:
        row.state = RolloutState.GOING
    else:
        wider = [ring for ring in RINGS if ring > row.ring]
        if not wider:
            raise CannotRollOut(Reason.EVERYWHERE)
        row.ring = wider[0]
    row.changed_at = now
    record(session, who, "rollout.promoted", row.version, now, ring=row.ring)
    return row


def stop(session: Session, who: str, now: int, went_back: int = 0) -> Rollout:
    """Stop the newest roll-out: stations that have the version keep it; raises CannotRollOut."""
    row = newest_of(session)
    if row is None or row.state == RolloutState.STOPPED:
        raise CannotRollOut(Reason.NONE)
    row.state, row.changed_at = RolloutState.STOPPED, now
    record(session, who, "rollout.stopped", row.version, now, ring=row.ring, went_back=went_back)
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
    row = offered(session, agent_id, newest.version, now)
    return [] if row is None else [Command(_NUMBERS + row.id, agent_id, UPDATE, row.version, now + PATIENCE)]


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


def count_back(session: Session, version: str) -> int:
    """Return how many stations went back from a version."""
    return session.scalar(select(func.count()).select_from(WentBack).where(WentBack.version == version)) or 0


def count_running(session: Session, version: str) -> int:
    """Return how many stations run a version."""
    return session.scalar(select(func.count()).select_from(Agent).where(Agent.version == version)) or 0

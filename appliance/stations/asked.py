"""Commands to stations: asked for by people or by the box, signed, carried by the answers to heartbeats, done once."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from agent.wire.commands import DONE, REFUSED, SLICE, Command, fits
from agent.wire.limits import MAX_COMMANDS
from appliance.clock import DAY
from appliance.ops.operations import record
from appliance.pki import Authority
from appliance.slices.orders import order
from appliance.state.collecting import StationCommand

PATIENCE = 30 * DAY
"""How long a command waits for a station that is away."""
LATE = "late"


class NoCommand(ValueError):
    """Not a kind of the closed list, or not its argument."""


def ask(session: Session, who: str, agent: str, kind: str, *, argument: str, now: int) -> StationCommand:
    """Ask a station for something; the same thing that waits already is not asked for twice. Raises NoCommand."""
    if kind == SLICE or not fits(kind, argument):
        raise NoCommand(kind)
    waiting = _waiting(agent).where(StationCommand.kind == kind, StationCommand.argument == argument)
    found = session.scalar(waiting)
    if found is not None:
        return found
    row = StationCommand(
        agent_id=agent, kind=kind, argument=argument, asked_by=who[:120], asked_at=now, until=now + PATIENCE
    )
    session.add(row)
    record(session, who, f"station.{kind}", agent, now, argument=argument)
    return row


def orders_for(session: Session, authority: Authority, agent: str, now: int) -> list[dict[str, str]]:
    """Return what a station is to do, the oldest first, as the answer to a heartbeat carries it."""
    mine = (StationCommand.agent_id == agent, StationCommand.ended_at.is_(None))
    session.execute(update(StationCommand).where(*mine, StationCommand.until < now).values(outcome=LATE, ended_at=now))
    rows = session.scalars(_waiting(agent).limit(MAX_COMMANDS))
    return [order(authority, Command(row.id, agent, row.kind, row.argument, row.until)) for row in rows]


def told(session: Session, agent: str, outcomes: Iterable[tuple[int, str]], now: int) -> None:
    """Take what a station says of its commands; of others' it may say nothing."""
    for number, outcome in outcomes:
        session.execute(
            update(StationCommand)
            .where(StationCommand.id == number, StationCommand.agent_id == agent, StationCommand.ended_at.is_(None))
            .values(outcome=outcome if outcome in {DONE, REFUSED} else REFUSED, ended_at=now)
        )


def _waiting(agent: str) -> Select[StationCommand]:
    found = StationCommand.ended_at.is_(None)
    return select(StationCommand).where(StationCommand.agent_id == agent, found).order_by(StationCommand.id)

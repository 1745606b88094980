"""Senders that hold a request open to hear at once that a command waits for them; the next heartbeat brings it.

While anybody holds one, the state database is asked `LOOK_SECONDS` apart: commands are written by other processes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

import structlog
from sqlalchemy import select, union
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from agent.wire.limits import MAX_WAIT
from appliance.intake.replies import Receive, Refused
from appliance.state.collecting import StationCommand
from appliance.state.slices import PacketSlice, SliceState

LOOK_SECONDS = 0.25
MOST_HELD = 256
"""Requests that are held at once, a quarter of the gateway's connections; past it senders hear of commands with their
heartbeats alone."""
_FULL_WAIT = 300
log = structlog.get_logger()
Wanted = Callable[[Collection[str]], set[str]]
"""Returns those of the named senders for whom a command waits."""


def wanted_in(sessions: sessionmaker[Session]) -> Wanted:
    """Return how the state database is asked."""
    slices = select(PacketSlice.agent_id).where(PacketSlice.state == SliceState.WAITING)
    question = union(slices, select(StationCommand.agent_id).where(StationCommand.ended_at.is_(None)))

    def wanted(agents: Collection[str]) -> set[str]:
        with sessions() as session:
            return set(session.scalars(question)).intersection(agents)

    return wanted


class Calls:
    """The requests that are held, one a sender. For one event loop."""

    def __init__(self, wanted: Wanted, most: int = MOST_HELD, seconds: float = MAX_WAIT) -> None:
        self._wanted, self._most, self._seconds = wanted, most, seconds
        self._held: dict[str, asyncio.Future[bool]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._ending = False

    async def hold(self, agent: str, receive: Receive) -> bool:
        """Return True when a command waits, False after a while, or when the sender asks anew or has left.

        Refuses a sender past the bound.
        """
        if self._ending:
            return False
        older = self._held.get(agent)
        if older is None and len(self._held) >= self._most:
            raise Refused(503, "too many wait for commands", _FULL_WAIT)
        call = self._held[agent] = asyncio.get_running_loop().create_future()
        if older is not None and not older.done():
            older.set_result(False)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        left = asyncio.ensure_future(receive())
        try:
            await asyncio.wait({call, left}, timeout=self._seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            left.cancel()
            if self._held.get(agent) is call:
                del self._held[agent]
        return call.done() and call.result()

    def end(self) -> None:
        """Answer all and hold no more: the process is to end."""
        self._ending = True
        self._answer(set(self._held), called=False)

    async def _look(self) -> None:
        while self._held:
            try:
                self._answer(await asyncio.to_thread(self._wanted, tuple(self._held)), called=True)
            except SQLAlchemyError as error:
                log.warning("cannot_look_for_commands", reason=str(error))
            await asyncio.sleep(LOOK_SECONDS)

    def _answer(self, agents: Collection[str], *, called: bool) -> None:
        for agent in agents:
            call = self._held.get(agent)
            if call is not None and not call.done():
                call.set_result(called)

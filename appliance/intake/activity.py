"""How much each agent sends, kept in memory and written now and then: no write for each request."""

from __future__ import annotations

import threading

from sqlalchemy import Engine, update

from agent.wire.clocks import Measured
from appliance.state.models import Agent


class Activity:
    """Records and the last moment by agent since the last write. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[int, int]] = {}
        self._clocks: dict[str, tuple[Measured, int]] = {}

    def note(self, agent_id: str, records: int, now: int) -> None:
        """Count records of an agent that sent them at a moment (microseconds)."""
        with self._lock:
            self._waiting[agent_id] = (self._waiting.get(agent_id, (0, 0))[0] + records, now)

    def clock(self, agent_id: str, measured: Measured, now: int) -> None:
        """Note what an agent measured of its clock; only the newest is written, for the next measure replaces it."""
        with self._lock:
            self._clocks[agent_id] = (measured, now)

    def write(self, engine: Engine) -> None:
        """Write and forget what was counted; when writing fails it stays counted, and the error goes on."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
            clocks, self._clocks = self._clocks, {}
        if not waiting and not clocks:
            return
        try:
            with engine.begin() as connection:
                for agent_id, (records, seen) in waiting.items():
                    connection.execute(
                        update(Agent).where(Agent.id == agent_id).values(records=Agent.records + records, seen_at=seen)
                    )
                for agent_id, (clock, at) in clocks.items():
                    told = {"skew_us": clock.offset, "rtt_us": clock.rtt, "skew_at": at}
                    connection.execute(update(Agent).where(Agent.id == agent_id).values(told))
        except Exception:
            self._restore(waiting)
            raise

    def _restore(self, waiting: dict[str, tuple[int, int]]) -> None:
        with self._lock:
            for agent_id, (records, seen) in waiting.items():
                newer, latest = self._waiting.get(agent_id, (0, seen))
                self._waiting[agent_id] = (records + newer, latest)

"""Hunts one at a time, behind everything else that the box does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog
from sqlalchemy import Select, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from appliance.hunt import asked
from appliance.hunt.slices import Outcome, Pass, Tools
from appliance.ops.operations import record
from appliance.state.database import writing
from appliance.state.hunts import HuntRun, HuntState

DETAIL = 500
Ended = Callable[[Session, HuntRun, int], None]
"""Called in the transaction that ends a hunt, with the time in microseconds."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Hunter:
    """Runs hunts; `ended` is told of each that has ended."""

    tools: Tools
    ended: Ended = lambda _session, _row, _now: None

    def turn(self) -> bool:
        """Run the hunt whose turn it is as far as it comes; return whether there was one.

        Raises SQLAlchemyError; the next turn goes on where this one ended.
        """
        number = self._next()
        if number is None:
            return False
        with self.tools.sessions() as session:
            row = asked.get(session, number)
        try:
            store = self.tools.store()
            try:
                outcome = Pass(self.tools, store, row).run()
            finally:
                store.close()
        except SQLAlchemyError:
            raise
        except Exception as error:  # one hunt that cannot be run must not hold up the others; it says why
            log.exception("hunt_failed", hunt=number)
            outcome = Outcome(HuntState.FAILED, "fault", f"{type(error).__name__}: {error}")
        if outcome is not None:
            self._end(number, outcome)
        return True

    def _next(self) -> int | None:
        """Return the number of the hunt that was interrupted, else of the one that waits longest, now running."""
        with self.tools.sessions() as session:
            number = session.scalar(_first(HuntState.RUNNING)) or session.scalar(_first(HuntState.WAITING))
        if number is None:
            return None
        now = self.tools.clock()
        with writing(self.tools.sessions) as session:
            row = asked.get(session, number)
            if row.state == HuntState.RUNNING:
                row.resumed += 1
                record(session, "czujka", "hunt.resumed", number, now)
            elif row.state == HuntState.WAITING:
                row.state, row.begun_at = HuntState.RUNNING, now
            else:
                # Somebody has just stopped it.
                return None
            asked.tell(session, now)
        return number

    def _end(self, number: int, outcome: Outcome) -> None:
        now = self.tools.clock()
        with writing(self.tools.sessions) as session:
            row = asked.get(session, number)
            row.state, row.reason, row.detail = outcome.state, outcome.reason, outcome.detail[:DETAIL]
            row.ended_at = now
            figures = {"looked": row.looked, "hits": row.hits, "alerts": asked.made_by(session, [row]).get(number, 0)}
            record(session, "czujka", "hunt.ended", number, now, state=row.state, reason=row.reason, **figures)
            self.ended(session, row, now)
            asked.tell(session, now)
        log.info("hunt_ended", hunt=number, state=outcome.state.value, reason=outcome.reason)


def _first(state: HuntState) -> Select[int]:
    return select(HuntRun.id).where(HuntRun.state == state).order_by(HuntRun.id).limit(1)

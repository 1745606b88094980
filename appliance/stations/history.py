"""What stations said of their settings at a moment in the past, in the session of the caller.

The box keeps a finding as it is, and each change of it: from the last one, the changes since are undone.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from appliance.state.stations import StationChange, StationFinding
from appliance.stations.fresh import STALE, is_stale
from appliance.stations.sink import MAX_CHANGES, POSTURE


class Verdict(NamedTuple):
    """What a check said: `pass`, `fail` or `unknown`, and why."""

    result: str
    reason: str


def verdicts_at(session: Session, moment: int, heard_since: int = 0) -> dict[tuple[str, str], Verdict]:
    """Return by agent and check what was said last at a moment; times in microseconds.

    What was not said again since `heard_since` is left out, and so are stations of which the box has forgotten
    changes after that moment. What the moment found unconfirmed for too long was unknown then.
    """
    row = StationFinding
    last = select(row.agent_id, row.name, row.result, row.reason, row.told_at)
    found = {
        (agent, name): Verdict("unknown", STALE) if is_stale(told_at, moment) else Verdict(result, reason)
        for agent, name, result, reason, told_at in session.execute(
            last.where(row.since <= moment, row.seen_at >= heard_since)
        )
    }
    change = StationChange
    later = select(change.agent_id, change.key, change.before).where(change.section == POSTURE, change.at > moment)
    for agent, name, before in session.execute(later.order_by(change.at.desc(), change.id.desc())):
        if before is not None:
            found[agent, name] = Verdict(str(before["result"]), str(before["reason"]))
    forgotten = _forgotten(session, moment)
    return {key: verdict for key, verdict in found.items() if key[0] not in forgotten}


def _forgotten(session: Session, moment: int) -> frozenset[str]:
    change = StationChange
    full = select(change.agent_id).group_by(change.agent_id)
    full = full.having(func.count() >= MAX_CHANGES, func.min(change.at) > moment)
    return frozenset(session.scalars(full))

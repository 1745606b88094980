"""Taking in the packets that a sensor was asked for: whose they are, how many, and where they are kept."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.orm import Session, sessionmaker

from agent.wire.envelope import COMMAND_HEADER, OUTCOME_HEADER, OUTCOMES
from appliance.intake.identity import Peer
from appliance.intake.reading import header
from appliance.intake.replies import Refused, Scope
from appliance.slices import asked, kept
from appliance.state.database import writing
from appliance.state.slices import PacketSlice, SliceState

PACKETS = frozenset({"whole", "cut"})
"""Outcomes that bring packets."""


def answered(scope: Scope) -> tuple[int, str]:
    """Return which command a request answers, and what became of it; refuses what the wire does not know."""
    number, outcome = header(scope, COMMAND_HEADER) or "", header(scope, OUTCOME_HEADER)
    if not number.isascii() or not number.isdigit() or len(number) > 18 or outcome not in OUTCOMES:
        raise Refused(400, "the command's number or its outcome is missing")
    return int(number), outcome


def take(  # noqa: PLR0917 - where, whose, which, what, when
    sessions: sessionmaker[Session], folder: Path, peer: Peer, answer: tuple[int, str], body: bytes, now: int
) -> None:
    """Keep packets and say so; refuses what nobody has asked this sensor for. Raises OSError."""
    number, outcome = answer
    if (outcome in PACKETS) != body.startswith(kept.MAGIC):
        raise Refused(400, "this is no capture file")
    with sessions() as session:
        _wanted(session, number, peer)
    if outcome in PACKETS:
        with kept.drafted(folder, body) as draft, writing(sessions) as session:
            asked.taken(session, _wanted(session, number, peer), draft, whole=outcome == "whole", now=now)
        return
    state, reason = (SliceState.NONE, "") if outcome == "none" else (SliceState.FAILED, "failed")
    with writing(sessions) as session:
        asked.ended(session, _wanted(session, number, peer), state, reason, now)


def _wanted(session: Session, number: int, peer: Peer) -> PacketSlice:
    """Return the request that waits for this sensor's answer; refuses any other."""
    try:
        row = asked.get(session, number)
    except asked.UnknownSlice as error:
        raise Refused(404, "nobody has asked for this") from error
    if row.agent_id != peer.id:
        raise Refused(404, "nobody has asked for this")
    if row.state != SliceState.WAITING:
        raise Refused(409, "this has been answered")
    return row

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
from appliance.state.slices import SliceState


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
    has_packets = outcome in {"whole", "cut"}
    if has_packets != body.startswith(kept.MAGIC):
        raise Refused(400, "this is no capture file")
    with writing(sessions) as session:
        try:
            row = asked.get(session, number)
        except asked.UnknownSlice as error:
            raise Refused(404, "nobody has asked for this") from error
        if row.agent_id != peer.id:
            raise Refused(404, "nobody has asked for this")
        if row.state != SliceState.WAITING:
            raise Refused(409, "this has been answered")
        if has_packets:
            sha256 = kept.keep(folder, number, body)
            asked.taken(session, row, sha256, len(body), whole=outcome == "whole", now=now)
        else:
            state = SliceState.NONE if outcome == "none" else SliceState.FAILED
            asked.ended(session, row, state, "" if outcome == "none" else "failed", now)

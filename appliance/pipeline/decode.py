"""A batch of the journal as events and dead letters. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from agent.wire.envelope import EnvelopeError, unpack
from appliance.journal import Batch, DeadLetter
from appliance.normalise import Event, Source, Unreadable

Normalise = Callable[[bytes, Source], Event]
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Decoded:
    """One batch after normalisation; `read` counts its records, readable or not. `lines` are those of the events."""

    batch: Batch
    read: int
    events: list[Event]
    lines: list[bytes]
    dead: list[DeadLetter]


def decode(batch: Batch, normalise: Normalise, importer: str) -> Decoded:
    """Normalise every record of a batch; what cannot be read becomes a dead letter with its reason.

    `importer` is the identity of the box's own importer: ids that stand in imported files are not believed.
    """
    try:
        lines = unpack(batch.body)
    except EnvelopeError as error:
        letter = _letter(batch, 0, f"Paczki nie udało się rozpakować. Szczegóły dla serwisu: {error}", batch.body)
        return Decoded(batch, batch.records, [], [], [letter])
    source = Source(batch.source, batch.received_at, importer=batch.source == importer)
    events: list[Event] = []
    understood: list[bytes] = []
    dead: list[DeadLetter] = []
    for number, line in enumerate(lines, 1):
        try:
            events.append(normalise(line, source))
            understood.append(line)
        except Unreadable as error:
            dead.append(_letter(batch, number, str(error), line))
        except Exception as error:  # one record must never stop the box; it is counted as a dead letter
            log.exception("normalise_failed", batch=batch.seq, line=number)
            reason = f"Błąd programu przy odczycie rekordu ({type(error).__name__}). Zgłoś go producentowi."
            dead.append(_letter(batch, number, reason, line))
    return Decoded(batch, len(lines), events, understood, dead)


def _letter(batch: Batch, number: int, reason: str, original: bytes) -> DeadLetter:
    return DeadLetter(
        source=batch.source,
        batch_seq=batch.seq,
        line_no=number,
        reason=reason,
        original=original,
        at=batch.received_at,
    )

"""The chain of a sender's batches at the gateway: its claim read and weighed, and a break told as an event.

The event is a loss like those that agents tell of themselves, so that it comes into the loss ledger, before the rules
and onto the station's page in the one way that there is.
"""

from __future__ import annotations

from agent.wire.chain import link, parse_claim
from agent.wire.envelope import encode_record, pack, unpack
from agent.wire.event import ID, Record, event_id
from appliance.journal import Break, Claimed, Fault, NewBatch

FORKS = frozenset({Fault.FORKED, Fault.REPLACED})
"""What two machines under one certificate make."""
_LOSSES = frozenset({Fault.MISSING, Fault.REPLACED, Fault.ANEW})
"""Faults behind which something is missing since the chain was whole last."""


def counted(body: bytes, key: str, chain: str | None) -> tuple[int, Claimed | None]:
    """Return how many records a batch has, and its claim; a senseless claim counts as none. Raises EnvelopeError."""
    lines = unpack(body)
    claim, parts = parse_claim(chain), key.split(":")
    if claim is None or len(parts) < 3:
        return len(lines), None
    made = link(claim.before, key, lines)
    return len(lines), Claimed(parts[1], claim.number, claim.before, made, claim.damaged)


def break_told(batch: NewBatch, broken: Break) -> NewBatch:
    """Return the batch of one event that tells of a break, in the name of its sender."""
    at = batch.received_at
    record: Record = {
        "event.module": "czujka.agent",
        "event.action": "telemetry_gap",
        "@timestamp": at,
        "event.created": at,
        "gap.cause": broken.fault.value,
        "gap.count": 0,
        "gap.from": min(broken.since, at) if broken.fault in _LOSSES else at,
        "gap.to": at,
        "gap.batches": broken.batches,
    }
    if batch.host:
        record["host.name"] = batch.host
    record[ID] = event_id(batch.source, "chain", batch.key, broken.fault.value, at)
    # A blank is in no sender's key.
    key = f"{batch.key} {broken.fault.value}"
    return NewBatch(batch.source, key, at, None, 1, pack([encode_record(record)]))
